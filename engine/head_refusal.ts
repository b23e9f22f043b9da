import type { Exchange } from "../service/http/exchange.ts";
import { exceeded, extentOf } from "../service/http/head_limits.ts";
import type { Service } from "../service/service.ts";

/** Response to a request that is refused before a guest starts. */
export interface HeadRefusal {
  readonly status: number;
  readonly message: string;
}

/** Checks a request's head against the limits, and records a limit that it exceeds. Returns undefined if it exceeds none. */
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
