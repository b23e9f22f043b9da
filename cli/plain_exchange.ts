import { Buffer } from "node:buffer";
import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { EMPTY, isWhole, type Payload } from "../service/bytes.ts";
import {
  type ClientFacts,
  type Exchange,
  HttpVersion,
  type RequestHead,
  type ResponseHead,
} from "../service/exchange.ts";
import { HeaderList } from "../service/headers.ts";
import { Usage } from "../service/usage.ts";
import type { Outbox } from "./outbox.ts";
import { frame } from "./wire_framing.ts";
import { headText } from "./wire_head.ts";
import type { PlainRequest } from "./wire_plain.ts";
import { ResponseWriter } from "./wire_response.ts";

/** Larger bodies are not worth a copy that saves a write. */
const MOST_COPIED = 16 * 1024;

/** A plain request, and its answer: written to the socket in one piece where that can be, else by node. */
export class PlainExchange implements Exchange {
  readonly head: RequestHead;
  readonly body: Payload = EMPTY;
  readonly client: ClientFacts;
  readonly usage: Usage = new Usage();
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #keepAliveMillis: number;
  readonly #onClosed: (exchange: PlainExchange, whole: boolean) => void;
  #writer: ResponseWriter | undefined;
  #response: ServerResponse | undefined;
  #status = 0;
  #bytes = 0;
  #keepsAlive = true;
  #answered = false;
  #closed = false;
  #gone: Error | undefined;
  #watchers: ((reason: Error) => void)[] | undefined;

  /** @param onClosed Called once: the response has gone out whole, or it never will. */
  constructor(
    { method, target, host, raw }: PlainRequest,
    socket: Socket,
    outbox: Outbox,
    client: ClientFacts,
    keepAliveMillis: number,
    onClosed: (exchange: PlainExchange, whole: boolean) => void,
  ) {
    this.head = {
      method,
      url: `http://${host}${target}`,
      version: HttpVersion.http11,
      headers: new HeaderList(raw),
    };
    this.client = client;
    this.#socket = socket;
    this.#outbox = outbox;
    this.#keepAliveMillis = keepAliveMillis;
    this.#onClosed = onClosed;
  }

  /** Whether the response has been given, if not yet sent. */
  get answered(): boolean {
    return this.#answered;
  }

  /** The response's status, 0 before there is one. */
  get status(): number {
    return this.#writer?.status ?? this.#status;
  }

  /** Bytes of the response's body. */
  get bytes(): number {
    return this.#writer?.bytes ?? this.#bytes;
  }

  /** Whether another request may come on the connection. */
  get keepsAlive(): boolean {
    const last = (this.#response as { readonly _last?: boolean } | undefined)?._last;
    return this.#keepsAlive && !last;
  }

  inform(head: ResponseHead): void {
    if (this.#answered || this.#closed || head.status < 100 || head.status > 199) return;
    this.#nodes().inform(head);
  }

  respond(head: ResponseHead, body: Payload): void {
    if (this.#answered) throw new Error("Cannot respond to a request that has its response");
    this.#answered = true;
    if (this.#closed) {
      if (!isWhole(body)) body.cancel(this.#gone);
    } else if (!this.#sendAtOnce(head, body)) this.#nodes().send(head, body);
  }

  onGone(callback: (reason: Error) => void): void {
    if (this.#gone) callback(this.#gone);
    else if (!this.#closed) (this.#watchers ??= []).push(callback);
  }

  /** The response has gone out whole, or, with a reason, its socket has closed before that. */
  closed(gone?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#gone = gone;
    const watchers = this.#watchers;
    this.#watchers = undefined;
    this.#onClosed(this, !gone);
    if (!gone) return;
    this.#writer?.abandon(gone);
    for (const watcher of watchers ?? []) watcher(gone);
  }

  /** The connection closes after this response. */
  lastOfConnection(): void {
    this.#keepsAlive = false;
    if (this.#response) this.#response.shouldKeepAlive = false;
  }

  settled(): void {}

  /** Writes head and body together; false for what node has to write. */
  #sendAtOnce(head: ResponseHead, body: Payload): boolean {
    const { status } = head;
    if (this.#writer || !this.#keepsAlive || !isWhole(body)) return false;
    if (!(status >= 200 && status <= 999)) return false;
    const asked = { toHead: this.head.method === "HEAD", chunks: true };
    const framed = frame(head, body.length, asked);
    if (framed.body.kind === "open") return false;
    const text = headText(status, framed.raw, this.#keepAliveMillis / 1000);
    if (text === undefined) return false;
    this.#status = status;
    if (framed.body.kind === "length") this.#bytes = body.length;
    this.#write(text, this.#bytes ? body : EMPTY);
    return true;
  }

  #write(head: string, body: Uint8Array): void {
    const socket = this.#socket;
    if (!socket.writable) return; // it is about to close
    const together = body.length <= MOST_COPIED;
    const bytes = Buffer.allocUnsafe(head.length + (together ? body.length : 0));
    bytes.write(head, "latin1");
    if (together) bytes.set(body, head.length);
    const sent = (error?: Error | null) => {
      if (!error) this.closed();
    };
    if (together) return this.#outbox.add(() => socket.writable && socket.write(bytes, sent));
    socket.write(bytes);
    socket.write(body, sent);
  }

  /** Node's own way to write, for what does not go out at once. */
  #nodes(): ResponseWriter {
    return this.#writer ??= this.#attach();
  }

  #attach(): ResponseWriter {
    const socket = this.#socket;
    const { method } = this.head;
    const asked = { method, httpVersionMajor: 1, httpVersionMinor: 1, headers: {} };
    const response = this.#response = new ServerResponse(asked as IncomingMessage);
    response.shouldKeepAlive = this.#keepsAlive;
    Object.assign(response, { _keepAliveTimeout: this.#keepAliveMillis });
    response.assignSocket(socket);
    const onDrain = () => void response.emit("drain");
    socket.on("drain", onDrain);
    response.prependListener("finish", () => {
      socket.off("drain", onDrain);
      response.detachSocket(socket);
      // Node calls it finished when writing has failed, too; then the socket's close is next.
      if (!socket.destroyed && !socket.errored) this.closed();
    });
    return new ResponseWriter(response, { toHead: method === "HEAD", chunks: true });
  }
}
