import type { Exchange } from "../service/http/exchange.ts";
import { exceeded, extentOf } from "../service/http/head_limits.ts";
import type { Service } from "../service/service.ts";

/** A response to a request that no guest gets. */
export interface HeadRefusal {
  readonly status: number;
  readonly message: string;
}

/** The refusal of a request whose head is beyond the limits, which it notes; undefined if it is within them. */
export function refusalOfHead(
  exchange: Exchange,
  service: Service,
  requestId: string,
): HeadRefusal | undefined {
  const { url, headers } = exchange.head;
  const { limits } = service;
  if (url.length > limits.url_bytes) {
    const what = `A request was refused: its URL has ${url.length} bytes`;
    service.meetLimit(exchange, "url_bytes", what, requestId);
    return { status: 414, message: "The URL is too long" };
  }
  const limit = exceeded(headers, limits);
  if (!limit) return undefined;
  const what = `A request was refused: it has ${extentOf(headers)}`;
  service.meetLimit(exchange, limit, what, requestId);
  return { status: 431, message: "The header fields are too large" };
}
