import type { Exchange } from "./exchange.ts";
import { HeaderList } from "./headers.ts";

/** Responds with one line of text, without a guest. Returns what `respond` returns, which may be a promise. */
export function reply(exchange: Exchange, status: number, message: string): unknown {
  const body = new TextEncoder().encode(`${message}\n`);
  const headers = new HeaderList([
    "content-type",
    "text/plain; charset=utf-8",
    "content-length",
    String(body.length),
    ...status === 503 ? ["retry-after", "1"] : [],
  ]);
  return exchange.respond({ status, headers }, body);
}
