import type { Exchange } from "../service/http/exchange.ts";
import { type HandlerInfo, WebExchange } from "../service/http/web_exchange.ts";
import type { FastlikeOptions } from "./options.ts";

/** Handler that answers a `Request` with a `Response`, as `Deno.serve` takes it. */
export type Handler = (request: Request, info?: HandlerInfo) => Promise<Response>;

/**
 * Makes a handler of requests.
 *
 * @param options Returns the options, which a reload may have replaced.
 * @param answer Answers the exchange of a request; resolves when the request is closed.
 */
export function handlerOf(
  options: () => Pick<FastlikeOptions, "secure">,
  answer: (exchange: Exchange) => Promise<void>,
): Handler {
  // Async, so that an exception of `secure` becomes a rejection.
  // deno-lint-ignore require-await
  return async (request, info) => {
    const { secure } = options();
    const https = typeof secure === "function"
      ? secure(request, info)
      : secure ?? (!info && request.url.startsWith("https:"));
    const exchange = new WebExchange(request, info, https);
    answer(exchange).then(() => exchange.settled());
    return exchange.response;
  };
}
