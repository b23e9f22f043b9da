import { describe } from "../service/service.ts";

/**
 * Keeps the process alive after uncaught errors and unhandled rejections, until it is disposed. Such an error is a bug
 * of this host that concerns one request at most; it is reported.
 *
 * @param tell Takes the report, with the stack.
 */
export function surviveFaults(tell: (message: string) => void): Disposable {
  const onFault = (event: ErrorEvent | PromiseRejectionEvent) => {
    event.preventDefault();
    const error = "reason" in event ? event.reason : event.error;
    tell(`This is a bug in fastlike; other requests go on: ${describe(error)}`);
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
