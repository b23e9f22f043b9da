import { loadSecureBuiltins } from "../util/builtins.ts";
import type { RequestInFlight, Transport, UpgradeInFlight } from "./transport.ts";

/** Returns a transport over TLS or HTTP/2 whose requests wait until the modules for these are loaded. */
export function onceLoaded(transport: Required<Transport>): Required<Transport> {
  return {
    send(request) {
      const loading = loadSecureBuiltins();
      if (!loading) return transport.send(request);
      const { begun, cancel } = beginAfter(loading, () => transport.send(request));
      return { response: held(begun.then(({ response }) => response)), cancel };
    },
    upgrade(request) {
      const loading = loadSecureBuiltins();
      if (!loading) return transport.upgrade(request);
      const { begun, cancel } = beginAfter(loading, () => transport.upgrade(request));
      return { outcome: held(begun.then(({ outcome }) => outcome)), cancel };
    },
    close: () => transport.close(),
  };
}

/** Sends a request once `loading` has ended. One that is cancelled before that is cancelled as soon as it is sent. */
function beginAfter<T extends RequestInFlight | UpgradeInFlight>(
  loading: Promise<void>,
  send: () => T,
): { readonly begun: Promise<T>; readonly cancel: () => void } {
  let inFlight: T | undefined;
  let cancelled = false;
  const begun = loading.then(() => {
    inFlight = send();
    if (cancelled) inFlight.cancel();
    return inFlight;
  });
  const cancel = () => {
    cancelled = true;
    inFlight?.cancel();
  };
  return { begun, cancel };
}

/** Returns the promise, whose rejection a caller that cancels need not await. */
function held<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
