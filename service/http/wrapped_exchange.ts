import type { Payload } from "./bytes.ts";
import type { Exchange, ResponseHead } from "./exchange.ts";

/** Exchange that passes all on to another, with another head or client. Subclasses change its response. */
export class WrappedExchange implements Exchange {
  readonly head: Exchange["head"];
  readonly body: Payload;
  readonly client: Exchange["client"];
  readonly metrics: Exchange["metrics"];
  readonly takeOver?: NonNullable<Exchange["takeOver"]>;
  readonly #exchange: Exchange;

  /** @param changed Head and client; by default those of `exchange`. */
  constructor(exchange: Exchange, changed: Partial<Pick<Exchange, "head" | "client">> = {}) {
    this.head = changed.head ?? exchange.head;
    this.client = changed.client ?? exchange.client;
    this.body = exchange.body;
    this.metrics = exchange.metrics;
    this.#exchange = exchange;
    if (exchange.takeOver) this.takeOver = (head) => exchange.takeOver!(head);
  }

  inform(head: ResponseHead): void {
    this.#exchange.inform(head);
  }

  respond(head: ResponseHead, body: Payload): void {
    this.#exchange.respond(head, body);
  }

  cut(reason: Error): void {
    this.#exchange.cut?.(reason);
  }

  onGone(callback: (reason: Error) => void): void {
    this.#exchange.onGone(callback);
  }
}
