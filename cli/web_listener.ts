import type { AddressInfo } from "node:net";
import { WebExchange } from "../service/web_exchange.ts";
import type { Listener, ListenOptions } from "./listening.ts";

/**
 * Serves over `Deno.serve`, on versions of Deno whose `node:http` loses the spelling of header fields, too: an executable
 * may have been compiled with one. There are no early hints and no trailers.
 */
export function listenPlainly(options: ListenOptions): Listener {
  const { answer, access, trouble, port } = options;
  const running = new Set<Promise<void>>();
  const hostname = options.hostname === "localhost" ? "127.0.0.1" : options.hostname || "0.0.0.0";
  const server = Deno.serve(
    { hostname, port, onListen() {} },
    async (request, info) => {
      const start = performance.now();
      const exchange = new WebExchange(request, info, false);
      const run = answer(exchange).catch((error) => trouble?.(String(error)));
      running.add(run);
      run.then(() => running.delete(run));
      const response = await exchange.response;
      access?.({
        method: request.method,
        target: request.url.replace(/^\w+:\/\/[^/]*/, ""),
        status: response.status,
        millis: performance.now() - start,
        bytes: Number(response.headers.get("content-length") ?? 0),
        whole: true,
        usage: exchange.usage,
      });
      return response;
    },
  );
  const { port: real } = server.addr as unknown as AddressInfo;
  return {
    url: `http://${options.hostname || "localhost"}:${real}`,
    port: real,
    addresses: [hostname],
    connections: () => running.size, // the platform does not tell of idle ones
    async drain(ms) {
      void server.shutdown(); // which waits for idle connections, too
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
      await Promise.race([Promise.all(running), late]);
      clearTimeout(timer);
    },
    close: () => void server.shutdown(),
  };
}
