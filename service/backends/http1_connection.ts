import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { EMPTY } from "../http/bytes.ts";
import { hasNoContent } from "../http/framing.ts";
import { HeadParser } from "../http/http1/head_parser.ts";
import type { ContentDecoder } from "../http/http1/length_decoder.ts";
import { Rejection } from "../http/http1/rejection.ts";
import { NO_BYTES, restOf, viewOf } from "../http/http1/views.ts";
import { InputGate } from "../util/input_gate.ts";
import { stopReadsWhilePaused } from "../util/node_internals.ts";
import type { Connector } from "./connector.ts";
import { type BodyOwner, Http1Body, type PieceTimeout } from "./http1_body.ts";
import { decoderFor } from "./response_decoder.ts";
import { ReadBuffers, readsIntoBuffers } from "./read_buffers.ts";
import { RESPONSE_GRAMMAR, type ResponseHeadFields } from "./response_head.ts";
import { incompleteResponse, malformedResponse, toSendError } from "./send_errors.ts";

/** Bytes of content that are buffered for its reader; beyond it the connection is paused. */
const MAX_BUFFERED = 512 * 1024;
/** Length from which on content is read into large buffers, in bytes. */
const LONG = 64 * 1024;
/** Bytes of a response that are read without a pause while its request is sent: a reset loses what was not read. */
const MAX_HURRIED = 256 * 1024;

/** Request on a connection, which gets its response. */
export interface Http1User {
  readonly method: string;
  /** Maximum size of the response's head, in bytes. */
  readonly headBytes: number;
  readonly pieceTimeout: PieceTimeout;
  /** Called when the connection is open, TLS handshake included; not for one that was open before. */
  onOpen(): void;
  /** Called with the response. The connection may be in use again already. */
  onResponse(head: ResponseHeadFields, body: Uint8Array | Http1Body): void;
  /** Called in place of a response if the backend changes protocols; `rest` has the bytes behind the head. */
  onSwitch(head: ResponseHeadFields, rest: Buffer): void;
  /**
   * Called when the connection has ended, or what it brings is not valid, before there was a response. Not called if the
   * request's side has closed it.
   */
  onLost(error: unknown): void;
  /** Called when the connection has room for more of the request's content. */
  onDrain(): void;
  /** Called when the connection is closed, or taken away from the request, before that has been sent as a whole. */
  onClosed(): void;
}

/** Callbacks of a connection to its pool. */
export interface ConnectionOwner {
  /** Called when it has carried a request; the pool keeps it or closes it. */
  onFree(connection: Http1Connection, idleSeconds: number | undefined): void;
  onClosed(connection: Http1Connection): void;
}

/**
 * State of a connection, by the meaning of its next bytes:
 *
 * - `idle`: none are expected: any end it.
 * - `head`: head of a response (RFC 9112, section 4), or of an informational one.
 * - `content`: content of the response (section 6).
 * - `behind`: the response is complete; the request is still being sent.
 * - `over`: the connection is closed, or another protocol's.
 */
type State = "idle" | "head" | "content" | "behind" | "over";

/** An HTTP/1 connection to a backend (RFC 9112), which carries requests one after another. */
export class Http1Connection implements BodyOwner {
  readonly name: string;
  readonly socket: Socket;
  /** Time at which it was made, by the pool's clock. */
  readonly since: number;
  /** Number of requests that it has carried. */
  uses = 0;
  /** Time from which on the backend may close it while it is idle. */
  staleAt = Infinity;
  /** Whether it is open, TLS handshake included. */
  isOpen: boolean;
  /** Bytes of responses that have arrived since its request was sent. */
  received = 0;
  readonly #owner: ConnectionOwner;
  readonly #buffers: ReadBuffers | undefined;
  #peer: { readonly address: string; readonly port: number } | undefined;
  #parser: HeadParser<ResponseHeadFields> | undefined;
  #headBytes = 0;
  #state: State = "idle";
  #user: Http1User | undefined;
  #head: ResponseHeadFields | undefined;
  #decoder: ContentDecoder | undefined;
  #body: Http1Body | undefined;
  /** Whether the current request was sent as a whole. */
  #sent = false;
  /** Whether it may carry another request after the current one. */
  #persists = false;
  readonly #gate: InputGate;
  /** Bytes that the backend had taken at the last check of its progress. */
  #taken: number | undefined;

  /**
   * @param source Backend to connect to, or a connection that is open.
   * @param mayUpgrade Whether it may be handed on for another protocol, which needs a socket with the event `data`.
   */
  constructor(
    name: string,
    source: Connector | Socket,
    owner: ConnectionOwner,
    since: number,
    mayUpgrade: boolean,
  ) {
    this.name = name;
    this.#owner = owner;
    this.since = since;
    this.isOpen = !("open" in source);
    if ("open" in source) {
      if (!mayUpgrade && !source.secure && readsIntoBuffers()) {
        this.#buffers = new ReadBuffers((bytes) => this.#read(bytes));
      }
      this.socket = source.open(undefined, this.#buffers);
      this.socket.once(source.secure ? "secureConnect" : "connect", () => this.#onOpen());
    } else this.socket = source;
    this.#gate = new InputGate(this.socket);
    this.#listen(this.socket);
  }

  /** Address and port of the backend; undefined before it is open. */
  get peer(): { readonly address: string; readonly port: number } | undefined {
    if (this.#peer) return this.#peer;
    const { remoteAddress: address, remotePort: port = 0 } = this.socket;
    return address === undefined ? undefined : this.#peer = { address, port };
  }

  /** Whether it can carry a request now. */
  get idle(): boolean {
    return this.#state === "idle" && !this.socket.destroyed;
  }

  /** Starts a request, which its caller writes to the socket. */
  start(user: Http1User, persists: boolean): void {
    this.#user = user;
    this.#state = "head";
    this.#sent = false;
    this.#persists = persists;
    this.#taken = undefined;
    this.received = 0;
    if (!this.#parser || this.#headBytes !== user.headBytes) {
      const bounds = { lineBytes: user.headBytes, headBytes: user.headBytes };
      this.#headBytes = user.headBytes;
      this.#parser = new HeadParser(RESPONSE_GRAMMAR, bounds);
    }
  }

  /** Notes that the current request was sent as a whole: the socket holds none of its bytes. */
  sent(): void {
    this.#sent = true;
    if (this.#state === "behind" && this.#user) this.#free();
  }

  /** Whether it is the request's: it was started for it, and is not free again. */
  serves(user: Http1User): boolean {
    return this.#user === user;
  }

  /** Closes it if its backend has answered, and has taken nothing of the rest of the request since the last check. */
  checkProgress(): void {
    if (this.#state !== "behind") return;
    const { bytesWritten, writableLength } = this.socket;
    const taken = bytesWritten - writableLength;
    if (writableLength && taken === this.#taken) this.destroy();
    this.#taken = taken;
  }

  /** Closes it once all that was written is sent. */
  close(): void {
    this.#state = "over";
    this.socket.destroySoon();
  }

  /** Closes it at once: nothing more is read from it, and its request gets no error. */
  destroy(): void {
    this.#state = "over";
    this.socket.destroy();
  }

  taken(): void {
    this.#regulate();
  }

  dropped(): void {
    this.destroy();
  }

  recycle(piece: Uint8Array): void {
    this.#buffers?.recycle(piece);
  }

  #listen(socket: Socket): void {
    socket.setNoDelay(true);
    if ("encrypted" in socket) stopReadsWhilePaused(socket as TLSSocket);
    if (!this.#buffers) socket.on("data", this.#read);
    socket.on("end", this.#onEnd);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
    socket.on("drain", this.#onDrain);
  }

  readonly #read = (bytes: Buffer): void => {
    if (!this.#sent && this.received < MAX_HURRIED) this.#handle(bytes);
    else this.#gate.pass(bytes, this.#handle);
  };

  readonly #handle = (bytes: Buffer): void => {
    this.received += bytes.length;
    try {
      for (let rest = bytes; rest.length;) {
        if (this.#state === "head") rest = this.#readHead(rest);
        else if (this.#state === "content") rest = this.#readContent(rest);
        else return this.#spoil();
      }
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      this.#refuse(malformedResponse(error, this.name));
    }
  };

  #readHead(bytes: Buffer): Buffer {
    let rest: Buffer = NO_BYTES;
    this.#parser!.push(bytes, (head, taken) => rest = this.#begin(head, restOf(bytes, taken)));
    return rest;
  }

  /** Begins a response; returns the bytes behind its content. */
  #begin(head: ResponseHeadFields, bytes: Buffer): Buffer {
    const { status } = head;
    if (status === 101) return this.#switch(head, bytes);
    if (status >= 100 && status < 200) return bytes; // RFC 9110, section 15.2: any number of them
    const user = this.#user!;
    this.#head = head;
    // RFC 9110, section 9.3.6: the backend takes what follows for bytes of a tunnel, which nobody uses here.
    const tunnels = user.method === "CONNECT" && status < 300;
    if (!head.persists || tunnels) this.#persists = false;
    const { framing } = head;
    const isEmpty = tunnels || hasNoContent(status, user.method === "HEAD");
    if (isEmpty || framing.kind === "length" && framing.length === 0) {
      this.#complete(bytes.length > 0);
      user.onResponse(head, EMPTY);
      return NO_BYTES;
    }
    if (framing.kind === "length" && framing.length <= bytes.length) {
      const content = this.#keep(viewOf(bytes, 0, framing.length));
      this.#complete(bytes.length > framing.length);
      user.onResponse(head, content);
      return NO_BYTES;
    }
    const length = framing.kind === "length" ? framing.length : undefined;
    const body = this.#body = new Http1Body(length, this, user.pieceTimeout);
    this.#decoder = decoderFor(framing, user.headBytes);
    this.#state = "content";
    if (length !== undefined && length - bytes.length >= LONG) this.#buffers?.expectLong();
    user.onResponse(head, body);
    return bytes;
  }

  /** Decodes bytes of the content; returns the bytes behind it. */
  #readContent(bytes: Buffer): Buffer {
    const decoder = this.#decoder!;
    const body = this.#body!;
    const taken = decoder.push(bytes, (piece) => body.push(this.#keep(piece)));
    if (decoder.ended) {
      this.#complete(taken < bytes.length);
      body.finish(decoder.trailers);
    } else this.#regulate();
    return NO_BYTES;
  }

  /** Returns a piece of content that stays valid: the socket's buffer is read into again. */
  #keep(piece: Uint8Array): Uint8Array {
    return this.#buffers ? this.#buffers.keep(piece) : piece;
  }

  /** Pauses the connection when its reader is behind, and resumes it when it is not. */
  #regulate(): void {
    this.#gate.full = (this.#body?.buffered ?? 0) > MAX_BUFFERED;
  }

  /**
   * Notes that the whole response has arrived.
   *
   * @param excess Whether bytes follow that belong to no response: what comes later could be read wrongly.
   */
  #complete(excess: boolean): void {
    this.#decoder = this.#body = undefined;
    this.#buffers?.expectShort();
    this.#regulate();
    if (excess) this.#persists = false;
    this.#state = "behind";
    if (this.#sent || !this.#persists) this.#free();
  }

  /** Gives it back to the pool, or closes it. */
  #free(): void {
    const user = this.#user!;
    this.#user = undefined;
    this.uses++;
    if (this.#persists && !this.socket.destroyed) {
      this.#state = "idle";
      this.#gate.rest();
      this.#owner.onFree(this, this.#head?.idleSeconds);
    } else {
      if (this.#sent) this.close();
      else this.destroy(); // the backend may never read the rest of the request
      user.onClosed();
    }
    this.#head = undefined;
  }

  #switch(head: ResponseHeadFields, rest: Buffer): Buffer {
    const user = this.#user!;
    this.#state = "over";
    this.#user = undefined;
    const { socket } = this;
    this.#gate.end();
    socket.off("data", this.#read);
    socket.off("end", this.#onEnd);
    socket.pause();
    user.onSwitch(head, rest);
    user.onClosed();
    return NO_BYTES;
  }

  /** Ends it as it brings bytes that nothing asked for. */
  #spoil(): void {
    this.#persists = false;
    if (this.#state === "idle") this.destroy();
    else if (this.#state === "behind") this.#free();
  }

  /** Ends the response, and the connection, with an error. */
  #refuse(error: Error): void {
    this.#lose(error);
    this.destroy();
  }

  readonly #onDrain = (): void => this.#user?.onDrain();

  #onOpen(): void {
    this.isOpen = true;
    this.#user?.onOpen();
  }

  readonly #onEnd = (): void => {
    if (this.#state === "content" && this.#head?.framing.kind === "close") {
      const body = this.#body!;
      this.#persists = false;
      this.#complete(false);
      body.finish(undefined);
    } else {
      this.#lose(new HangUp());
      this.destroy();
    }
  };

  readonly #onError = (error: Error): void => this.#lose(error);

  readonly #onClose = (): void => {
    this.#lose(new HangUp());
    const user = this.#user;
    this.#user = undefined;
    user?.onClosed();
    this.#owner.onClosed(this);
  };

  /** Notes that nothing follows: a response that has begun is cut short. */
  #lose(error: Error): void {
    const state = this.#state;
    this.#persists = false;
    if (state === "over") return;
    if (state !== "behind") this.#state = "over";
    if (state === "content") {
      const body = this.#body!;
      this.#decoder = this.#body = undefined;
      body.cutShort(
        error instanceof HangUp || !("failure" in error)
          ? incompleteResponse(this.name, error)
          : toSendError(error, this.name),
      );
    } else if (state === "head") {
      const user = this.#user!;
      this.#user = undefined;
      user.onClosed();
      user.onLost(error);
    }
  }
}

/** Error for a connection that was closed without one. */
export class HangUp extends Error {
  readonly code = "ECONNRESET";
}
