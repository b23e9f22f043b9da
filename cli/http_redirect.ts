import type { Exchange } from "../service/http/exchange.ts";
import { HeaderList } from "../service/http/headers.ts";
import { EMPTY } from "../service/http/bytes.ts";

/**
 * Returns a function that answers plain HTTP with the same URL under `https`: by 301 for GET and HEAD, and else by 308, which
 * keeps method and content.
 *
 * @param port Port of HTTPS.
 */
export function redirectTo(port: number): (exchange: Exchange) => Promise<void> {
  const suffix = port === 443 ? "" : `:${port}`;
  return (exchange) => {
    const { method, url } = exchange.head;
    const [, host, rest] = /^https?:\/\/(\[[^\]]*\]|[^:/?]*)(?::\d*)?(.*)$/i.exec(url) ?? [];
    const status = !host ? 400 : method === "GET" || method === "HEAD" ? 301 : 308;
    const headers = new HeaderList(["Content-Length", "0"]);
    if (host) headers.append("Location", `https://${host}${suffix}${rest}`);
    exchange.respond({ status, headers }, EMPTY);
    return Promise.resolve();
  };
}
