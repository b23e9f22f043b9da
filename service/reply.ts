import type { Exchange } from "./exchange.ts";
import { HeaderList } from "./headers.ts";

/** Answers without a guest: a line of text. */
export function reply(exchange: Exchange, status: number, message: string): void {
  const body = new TextEncoder().encode(`${message}\n`);
  const headers = new HeaderList([
    "content-type",
    "text/plain; charset=utf-8",
    "content-length",
    String(body.length),
    ...status === 503 ? ["retry-after", "1"] : [],
  ]);
  exchange.respond({ status, headers }, body);
}
