import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { EMPTY, type Payload } from "../service/bytes.ts";
import {
  type ClientFacts,
  type Exchange,
  HttpVersion,
  type RequestHead,
  type ResponseHead,
} from "../service/exchange.ts";
import { HeaderList } from "../service/headers.ts";
import { Usage } from "../service/usage.ts";
import { RequestBody } from "./wire_body.ts";
import { ResponseWriter } from "./wire_response.ts";
import type { UpgradeSocket } from "./wire_upgrade.ts";

/** One request on a socket of `node:http`, and its answer. */
export class WireExchange implements Exchange {
  readonly head: RequestHead;
  readonly body: Payload;
  readonly client: ClientFacts;
  readonly usage: Usage = new Usage();
  /** What the response has come to, for the log. */
  readonly writer: ResponseWriter;
  readonly takeOver?: (head: ResponseHead) => Duplex | undefined;
  readonly #response: ServerResponse;
  readonly #onClosed: (whole: boolean) => void;
  #answered = false;
  #gone: Error | undefined;
  #closed = false;
  #settled = false;
  /** The connection that somebody else has now, and how much had been written to it by then. */
  #given: { readonly socket: Socket; readonly before: number } | undefined;
  #watchers: ((reason: Error) => void)[] | undefined;

  /**
   * @param holdsBack Whether the client waits for `100 Continue` before it sends the body.
   * @param onClosed Called once: the response has gone out whole, or it never will.
   * @param upgrade The connection, if the request asks to change protocols.
   */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    client: ClientFacts,
    holdsBack: boolean,
    onClosed: (whole: boolean) => void,
    upgrade?: UpgradeSocket,
  ) {
    const minor = request.httpVersionMinor;
    const method = request.method!;
    this.head = {
      method,
      url: absolute(request.url!, request.headers.host, client),
      version: request.httpVersionMajor < 1
        ? HttpVersion.http09
        : minor === 0
        ? HttpVersion.http10
        : HttpVersion.http11,
      headers: new HeaderList(request.rawHeaders),
    };
    this.client = client;
    this.#response = response;
    this.#onClosed = onClosed;
    // Ahead of node's own listener, which may close the socket.
    response.prependListener("finish", () => {
      // Node calls it finished when writing has failed, too; then the socket's close is next.
      const { destroyed, errored } = request.socket;
      if (!destroyed && !errored) this.closed();
    });
    this.writer = new ResponseWriter(response, { toHead: method === "HEAD", chunks: minor > 0 });
    this.body = this.#bodyOf(request, holdsBack);
    if (upgrade) this.takeOver = (head) => this.#takeOver(head, upgrade);
  }

  /** Whether the response has been given, if not yet sent. */
  get answered(): boolean {
    return this.#answered;
  }

  inform(head: ResponseHead): void {
    if (this.#answered || this.#closed || this.head.version !== HttpVersion.http11) return;
    if (head.status < 100 || head.status > 199) return;
    this.writer.inform(head);
  }

  respond(head: ResponseHead, body: Payload): void {
    if (this.#answered) throw new Error("Cannot respond to a request that has its response");
    this.#answered = true;
    if (!this.#closed) return this.writer.send(head, body);
    if (!(body instanceof Uint8Array)) body.cancel(this.#gone);
  }

  #takeOver(head: ResponseHead, upgrade: UpgradeSocket): Duplex | undefined {
    if (this.#answered) throw new Error("Cannot take the connection of a request over twice");
    if (this.#closed) return undefined;
    this.writer.inform(head);
    this.#answered = true;
    this.writer.status = head.status;
    const socket = upgrade.release();
    this.#given = { socket, before: socket.bytesWritten };
    return socket;
  }

  onGone(callback: (reason: Error) => void): void {
    if (this.#gone) callback(this.#gone);
    else if (!this.#closed) (this.#watchers ??= []).push(callback);
  }

  /** The response has gone out whole, or, with a reason, its socket has closed before that. */
  closed(reason?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    const gone = this.#given ? undefined : reason;
    if (this.#given) this.writer.bytes = this.#given.socket.bytesWritten - this.#given.before;
    this.#gone = gone;
    this.#onClosed(!gone);
    const watchers = this.#watchers;
    this.#watchers = undefined;
    if (gone) {
      this.writer.abandon(gone);
      for (const watcher of watchers ?? []) watcher(gone);
    }
    this.#release();
  }

  /** The connection closes after this response. */
  lastOfConnection(): void {
    this.#response.shouldKeepAlive = false;
  }

  /** Nobody will read the request or write the response any more. */
  settled(): void {
    this.#settled = true;
    this.#release();
  }

  /** A guest may read on after its response has gone; the connection's next request waits for that. */
  #release(): void {
    if (this.#closed && this.#settled && this.body instanceof RequestBody) this.body.release();
  }

  #bodyOf(request: IncomingMessage, holdsBack: boolean): Payload {
    const length = request.headers["content-length"];
    const chunked = request.headers["transfer-encoding"] !== undefined;
    if (!chunked && (length === undefined || Number(length) === 0)) return EMPTY;
    const known = chunked ? undefined : Number(length);
    if (!holdsBack) return new RequestBody(request, known);
    // Until it is asked for its body the client may send it or not: the connection's next bytes mean nothing.
    this.#response.shouldKeepAlive = false;
    return new RequestBody(request, known, () => {
      if (this.writer.begun || this.#closed) return;
      if (!this.#answered) this.#response.shouldKeepAlive = true;
      this.#response.writeContinue();
    });
  }
}

const ABSOLUTE = /^[a-z][a-z0-9+.\-]*:\/\//i;

function absolute(target: string, host: string | undefined, client: ClientFacts): string {
  const first = target.charCodeAt(0);
  if (first !== 0x2f && ABSOLUTE.test(target)) return target;
  const authority = host || addressOf(client);
  return first === 0x2f ? `http://${authority}${target}` : `http://${authority}/${target}`;
}

function addressOf({ serverAddress: address, serverPort }: ClientFacts): string {
  return address.includes(":") ? `[${address}]:${serverPort}` : `${address}:${serverPort}`;
}
