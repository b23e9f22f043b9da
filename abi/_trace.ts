import type { CoreValue, Hostcall } from "./_define.ts";

/** Wraps a hostcall so that each call is logged; used only if the log has hostcalls. */
export function traced(module: string, name: string, call: Hostcall): Hostcall {
  return {
    ...call,
    bind(context) {
      const bound = call.bind(context);
      return (...args: CoreValue[]) => {
        const { service, requests: { current: { id } } } = context.sandbox;
        const began = service.clock.elapsed();
        const log = (status: number | undefined) =>
          service.log({
            kind: "hostcall",
            requestId: id,
            module,
            name,
            args,
            status,
            micros: Math.round((service.clock.elapsed() - began) * 1000),
          });
        let status: number | Promise<number> | undefined;
        try {
          status = bound(...args);
        } finally {
          if (!(status instanceof Promise)) log(status);
        }
        status instanceof Promise && status.then(log, () => log(undefined));
        return status;
      };
    },
  };
}
