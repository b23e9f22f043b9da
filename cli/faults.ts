import { describe } from "../service/service.ts";

/**
 * While it lives, what nobody has caught is told and ends nothing: it is a bug of this host, and of one request at the
 * most.
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
