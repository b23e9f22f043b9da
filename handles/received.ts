import {
  type ByteSource,
  discard,
  type Eventually,
  isWhole,
  type Payload,
} from "../service/bytes.ts";
import { HostError, refuse, SendError, type SendFailure } from "../service/errors.ts";
import type { Exchange } from "../service/exchange.ts";
import { frameInformational, frameResponse } from "../service/framing.ts";
import { HeaderList } from "../service/headers.ts";
import { GuestResponse } from "./message.ts";
import type { PendingRequest } from "./pending_request.ts";

/** A response to a client. */
export interface Answer {
  readonly response: GuestResponse;
  readonly body: Payload;
}

/** A client's request that a sandbox has taken on, and how far its answer is. */
export class Received {
  readonly exchange: Exchange;
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly #content: KeptContent | undefined;
  #responded = false;
  #done: (() => void) | undefined;
  /** The work of somebody who answers in the guest's place, and what gives it up. */
  #answering: { readonly done: Promise<void>; cancel(why: string): void } | undefined;

  constructor(exchange: Exchange, id: string) {
    this.exchange = exchange;
    this.id = id;
    if (!isWhole(exchange.body)) this.#content = new KeptContent(exchange.body);
  }

  /** The request's content. It stays when the guest lets go of it: the request may yet be handed off. */
  get body(): Payload {
    return this.#content ?? this.exchange.body;
  }

  get responded(): boolean {
    return this.#responded;
  }

  /** Answers the client, with a body that is given up only then; refused when the client has been answered. */
  respond(response: GuestResponse, body: () => Payload): void {
    this.#checkUnanswered();
    const payload = body();
    this.#responded = true;
    this.#send(response, payload);
  }

  /** Answers the client with what a request to a backend will bring: 502, 504 or 500 if it fails. */
  respondWith(pending: PendingRequest): void {
    this.answerLater(async (signal) => {
      signal.onabort = () => pending.drop();
      try {
        const { response, body } = await pending.reply();
        return { response, body: body.payload() };
      } catch (error) {
        const failed = failureOf(error);
        pending.applyEdits("error", failed.response.headers);
        return failed;
      }
    });
  }

  /**
   * Leaves the answer to somebody else, whom nothing that the guest does later concerns; refused when the client has
   * been answered. Without an answer the client's connection is in other hands. The signal says that nobody wants it any
   * more.
   */
  answerLater(answer: (signal: AbortSignal) => Promise<Answer | undefined>): void {
    this.#checkUnanswered();
    this.#responded = true;
    const abort = new AbortController();
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const settle = (given?: Answer) => {
      this.#answering = undefined;
      if (given) this.#send(given.response, given.body);
      resolve();
    };
    this.#answering = {
      done,
      cancel: (why) => {
        abort.abort();
        settle({ response: failure(503), body: textOf(why) });
      },
    };
    answer(abort.signal).catch(failureOf).then((given) => {
      if (!abort.signal.aborted) settle(given);
      else if (given) discard(given.body);
    });
    this.exchange.onGone(({ message }) => this.cutAnswer(message));
  }

  /** Resolves when whoever answers in the guest's place is done; undefined if nobody is at it. */
  get answering(): Promise<void> | undefined {
    return this.#answering?.done;
  }

  /** Gives up what somebody does in the guest's place: the client gets a 503 that says why. */
  cutAnswer(why: string): void {
    this.#answering?.cancel(why);
  }

  /** Gives the request's content to whoever answers in the guest's place; the guest cannot read it any more. */
  takeBody(): Payload {
    return this.#content?.detach() ?? this.exchange.body;
  }

  /** Sends an informational head ahead of the response, as it is now: the guest may change it further. */
  inform({ status, headers }: GuestResponse): void {
    if (this.#responded) refuse("failed", "Cannot send an early hint after the response");
    this.exchange.inform({ status, headers: frameInformational(headers) });
  }

  /** Answers for a guest that has not, and will not. */
  fail(status: number, message: string): void {
    if (this.#responded) return;
    this.respond(failure(status), () => textOf(message));
  }

  /** The guest does no more for the request; who answers in its place may still be at it. */
  finish(): void {
    if (this.#answering) this.#answering.done.then(() => this.#done?.());
    else this.#done?.();
  }

  /** Calls back, perhaps more than once, when the guest does no more for this request; asked for before that. */
  onDone(callback: () => void): void {
    this.#done = callback;
  }

  #checkUnanswered(): void {
    if (this.#responded) refuse("failed", "Cannot respond to the client twice");
  }

  #send({ status, headers, framing, keepAlive }: GuestResponse, body: Payload): void {
    const toHead = this.exchange.head.method === "HEAD";
    const framed = frameResponse(headers, status, toHead, body, framing);
    if (!keepAlive) framed.headers.set("connection", "close");
    this.exchange.respond({ status, headers: framed.headers }, framed.body);
    this.#content?.release();
  }
}

/** Content that whoever lets go of it gives up only when it is released, too. */
class KeptContent implements ByteSource {
  readonly #source: ByteSource;
  #released = false;
  #unwanted = false;
  #detached = false;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  get length(): number | undefined {
    return this.#source.length;
  }

  get trailers(): HeaderList | undefined {
    return this.#source.trailers;
  }

  read(): Eventually<Uint8Array | undefined> {
    if (this.#detached) refuse("failed", "Cannot read a body that was handed off");
    return this.#source.read();
  }

  cancel(): void {
    this.#unwanted = true;
    this.#cancelWhole();
  }

  release(): void {
    this.#released = true;
    this.#cancelWhole();
  }

  detach(): ByteSource {
    this.#detached = true;
    return this.#source;
  }

  #cancelWhole(): void {
    if (this.#unwanted && this.#released && !this.#detached) this.#source.cancel();
  }
}

const TIMEOUTS: ReadonlySet<SendFailure> = new Set([
  "dns_timeout",
  "connection_timeout",
  "http_response_timeout",
]);

function failure(status: number): GuestResponse {
  const response = new GuestResponse();
  response.status = status;
  response.headers = new HeaderList(["content-type", "text/plain; charset=utf-8"]);
  return response;
}

function textOf(message: string): Uint8Array {
  return new TextEncoder().encode(`${message}\n`);
}

function failureOf(error: unknown): Answer {
  return { response: failure(statusOf(error)), body: textOf(messageOf(error)) };
}

function statusOf(error: unknown): number {
  if (error instanceof SendError) return TIMEOUTS.has(error.failure) ? 504 : 502;
  return error instanceof HostError && error.kind === "unsupported" ? 501 : 500;
}

function messageOf(error: unknown): string {
  return error instanceof HostError ? error.message : "Cannot answer: the host has failed";
}
