import type { Exchange } from "./exchange.ts";
import { exceeded, extentOf } from "./head_limits.ts";
import { reply } from "./reply.ts";
import type { Service } from "./service.ts";

/** Answers a request whose head is beyond the limits; says whether it was. */
export function refuseHead(exchange: Exchange, service: Service): boolean {
  const { url, headers } = exchange.head;
  const { limits } = service;
  if (url.length > limits.url_bytes) {
    service.meetLimit(
      exchange,
      "url_bytes",
      `A request was refused: its URL has ${url.length} bytes`,
    );
    reply(exchange, 414, "The URL is too long");
    return true;
  }
  const limit = exceeded(headers, limits);
  if (!limit) return false;
  service.meetLimit(exchange, limit, `A request was refused: it has ${extentOf(headers)}`);
  reply(exchange, 431, "The header fields are too large");
  return true;
}
