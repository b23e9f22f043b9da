import type { HandlerInfo } from "../service/http/web_exchange.ts";
import type { Handler } from "./handler.ts";

/** Instance of a program for one request, with options of its own; made by {@linkcode Fastlike.instantiate}. */
export class Instance {
  readonly #handler: Handler;
  #used = false;

  /** @ignore Made by {@linkcode Fastlike.instantiate}. */
  constructor(handler: Handler) {
    this.#handler = handler;
  }

  /**
   * Answers the request.
   *
   * @param request Request of the client.
   * @param info Connection of the request, as `Deno.serve` gives it.
   * @throws {Error} If it is called a second time.
   */
  handle(request: Request, info?: HandlerInfo): Promise<Response> {
    if (this.#used) {
      throw new Error("Cannot handle a second request: an instance is for one, make another");
    }
    this.#used = true;
    return this.#handler(request, info);
  }
}
