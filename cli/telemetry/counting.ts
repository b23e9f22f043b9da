import type { HttpServerOptions } from "../../server/listen_options.ts";
import type { ServiceOptions } from "../../service/options.ts";
import type { Metrics } from "./metrics.ts";

/** Returns options of a service whose log entries are counted. */
export function withCountedLogs(options: ServiceOptions, metrics: Metrics): ServiceOptions {
  return {
    ...options,
    log(entry) {
      metrics.logged(entry);
      options.log?.(entry);
    },
  };
}

/** Returns options of a server whose requests are counted. */
export function withCountedRequests<T extends HttpServerOptions>(options: T, metrics: Metrics): T {
  const { answer, access } = options;
  return {
    ...options,
    answer(exchange) {
      metrics.begin();
      return answer(exchange);
    },
    access(entry) {
      metrics.end(entry);
      access?.(entry);
    },
  };
}
