import { describe } from "../service/errors.ts";

/**
 * Keeps the process alive after uncaught errors and unhandled rejections, until it is disposed. Such an error is a bug of
 * this host, which affects at most one request; it is reported.
 *
 * @param report Called with the report, which has the stack.
 */
export function surviveFaults(report: (message: string) => void): Disposable {
  const onFault = (event: ErrorEvent | PromiseRejectionEvent) => {
    event.preventDefault();
    const error = "reason" in event ? event.reason : event.error;
    report(`This is a bug in fastlike; other requests go on: ${describe(error)}`);
  };
  addEventListener("error", onFault);
  addEventListener("unhandledrejection", onFault);
  return {
    [Symbol.dispose]() {
      removeEventListener("error", onFault);
      removeEventListener("unhandledrejection", onFault);
    },
  };
}
