import type { Duplex } from "node:stream";
import { isWhole, type Payload } from "../service/http/bytes.ts";
import type { ClientFacts, Exchange, RequestHead, ResponseHead } from "../service/http/exchange.ts";
import { HttpVersion } from "../service/http/exchange.ts";
import { RequestMetrics } from "../service/http/request_metrics.ts";

/** Writes the response of one exchange, in one version of HTTP. */
export interface ExchangeWriter {
  /** Status of the final head that was written; 0 before that. */
  readonly status: number;
  /** Bytes of content that were written. */
  readonly bytes: number;
  /** Writes an informational head. */
  inform(head: ResponseHead): void;
  /**
   * Writes the response; throws if its head cannot be written. Its connection calls {@linkcode ServerExchange.closed}
   * in the end.
   */
  send(head: ResponseHead, body: Payload): void;
  /** Cancels content that is still arriving. */
  abandon(reason: Error): void;
  /** Resets the connection: the client takes nothing of the response. */
  cut(reason: Error): void;
}

/** Parts of a {@linkcode ServerExchange}. */
export interface ExchangeParts {
  readonly head: RequestHead;
  /** Request target as it was sent. */
  readonly target: string;
  readonly body: Payload;
  readonly client: ClientFacts;
  readonly writer: ExchangeWriter;
  /** Hands the connection over to another protocol; undefined unless the client asks for one. */
  readonly takeOver?: ((head: ResponseHead) => Duplex) | undefined;
  /** Bytes that were written since {@linkcode ExchangeParts.takeOver}. */
  readonly bytesAfter?: (() => number) | undefined;
}

/** Exchange of a connection, with the state of its response: none, given, sent or lost. */
export class ServerExchange implements Exchange {
  readonly head: RequestHead;
  readonly target: string;
  readonly body: Payload;
  readonly client: ClientFacts;
  readonly metrics: RequestMetrics = new RequestMetrics();
  readonly takeOver?: (head: ResponseHead) => Duplex | undefined;
  /** Called once, when the whole response was sent or never will be. */
  onClosed: ((whole: boolean) => void) | undefined;
  /** Called once, when the response was sent or lost, and the guest is done with the request. */
  onOver: (() => unknown) | undefined;
  readonly #parts: ExchangeParts;
  #answered = false;
  #closed = false;
  #settled = false;
  #switched = false;
  #gone: Error | undefined;
  #watchers: ((reason: Error) => void)[] | undefined;

  constructor(parts: ExchangeParts) {
    this.head = parts.head;
    this.target = parts.target;
    this.body = parts.body;
    this.client = parts.client;
    this.#parts = parts;
    if (parts.takeOver) this.takeOver = (head) => this.#takeOver(head);
  }

  /** Whether the response was given, sent or not. */
  get answered(): boolean {
    return this.#answered;
  }

  /** The response's status, 0 before there is one. */
  get status(): number {
    return this.#switched ? 101 : this.#parts.writer.status;
  }

  /** Bytes of the response's content, or of the protocol that followed it. */
  get bytes(): number {
    return this.#switched ? this.#parts.bytesAfter?.() ?? 0 : this.#parts.writer.bytes;
  }

  inform(head: ResponseHead): void {
    // RFC 9110, section 15.2: HTTP/1.0 has no informational responses.
    if (this.#answered || this.#closed || this.head.version < HttpVersion.http11) return;
    if (head.status >= 100 && head.status <= 199) this.#parts.writer.inform(head);
  }

  respond(head: ResponseHead, body: Payload): void {
    if (this.#answered) throw new Error("Cannot respond to a request that has its response");
    this.#answered = true;
    if (!this.#closed) this.#send(head, body);
    else if (!isWhole(body)) body.cancel(this.#gone);
  }

  /** Sends a response. It does not count as given if its head cannot be written, so that another one may follow. */
  #send(head: ResponseHead, body: Payload): void {
    try {
      this.#parts.writer.send(head, body);
    } catch (error) {
      this.#answered = false;
      throw error;
    }
  }

  cut(reason: Error): void {
    if (!this.#closed && !this.#switched) this.#parts.writer.cut(reason);
  }

  onGone(callback: (reason: Error) => void): void {
    if (this.#gone) callback(this.#gone);
    else if (!this.#closed) (this.#watchers ??= []).push(callback);
  }

  /** Notes that the whole response was sent or, with a reason, that it never will be. */
  closed(reason?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    const gone = this.#switched ? undefined : reason;
    this.#gone = gone;
    const watchers = this.#watchers;
    this.#watchers = undefined;
    this.onClosed?.(!gone);
    if (gone) {
      this.#parts.writer.abandon(gone);
      for (const watcher of watchers ?? []) watcher(gone);
    }
    if (this.#settled) this.onOver?.();
  }

  /** Notes that the guest is done with the request: it will not read its content or respond any more. */
  settled(): void {
    this.#settled = true;
    if (this.#closed) this.onOver?.();
  }

  #takeOver(head: ResponseHead): Duplex | undefined {
    if (this.#answered) throw new Error("Cannot take the connection of a request over twice");
    if (this.#closed) return undefined;
    const stream = this.#parts.takeOver!(head);
    this.#answered = this.#switched = true;
    return stream;
  }
}
