/** One end of Node's channel between a process and its child: `process` in the child, the `ChildProcess` in its parent. */
export interface ChannelEnd {
  readonly connected?: boolean;
  send?(
    message: unknown,
    handle: unknown,
    options: undefined,
    sent: (error: Error | null) => void,
  ): boolean;
  on(event: "message", listener: (message: unknown, handle: unknown) => void): unknown;
  on(event: "disconnect", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** Answer that carries a socket to the other process. */
export class WithHandle {
  readonly value: unknown;
  /** Bound socket: the handle inside a `net.Server`. */
  readonly handle: object;

  constructor(value: unknown, handle: object) {
    this.value = value;
    this.handle = handle;
  }
}

/** Handlers of requests from the other process, by name. An exception of a handler is thrown where the request was made. */
type Handlers = Readonly<Record<string, (value: never) => unknown>>;

/** Error of a request that gets no answer, since the other process has ended or the channel is closed. */
export class ChannelClosed extends Error {
  override name = "ChannelClosed";
}

interface Message {
  /** Number of a request, which its answer repeats. */
  readonly ask?: number;
  /** Number of the request that this message answers. */
  readonly reply?: number;
  readonly name?: string;
  readonly value?: unknown;
  readonly error?: { readonly message: string; readonly code?: string | undefined };
}

interface Pending {
  readonly resolve: (answer: WithHandle | { readonly value: unknown }) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Requests and answers between a supervisor and a worker, over Node's channel, in order. A request to a process that has
 * died rejects; errors of the channel itself are not thrown anywhere else.
 */
export class Channel {
  /** Resolves when the channel has closed. */
  readonly closed: Promise<void>;
  readonly #end: ChannelEnd;
  readonly #close: () => void;
  readonly #pending = new Map<number, Pending>();
  #handlers: Handlers = {};
  #isClosed = false;
  #last = 0;

  constructor(end: ChannelEnd) {
    this.#end = end;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#close = resolve;
    end.on("message", (message, handle) => this.#take(message as Message, handle));
    end.on("disconnect", () => this.close());
    end.on("error", () => this.close());
  }

  /** Sets the handlers of requests from the other process. Must be called before the first request can arrive. */
  serve(handlers: Handlers): void {
    this.#handlers = handlers;
  }

  /**
   * Sends a request to the other process.
   *
   * @param name Name of the handler there.
   * @returns The handler's result.
   * @throws {Error} The handler's error, with its `code`; {@linkcode ChannelClosed} if the other process cannot answer.
   */
  async ask<T>(name: string, value?: unknown): Promise<T> {
    return (await this.#ask(name, value)).value as T;
  }

  /** As {@linkcode Channel.ask}, for an answer that is a socket. */
  async askForHandle(name: string, value?: unknown): Promise<object> {
    const answer = await this.#ask(name, value);
    if (answer instanceof WithHandle) return answer.handle;
    throw new Error(`Cannot take the answer to ${name}: no socket came with it`);
  }

  /** Sends a message that has no answer. */
  tell(name: string, value?: unknown): void {
    this.#send({ name, value });
  }

  /** Rejects all requests that wait for an answer. The other process is not notified. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const { reject } of this.#pending.values()) reject(closed());
    this.#pending.clear();
    this.#close();
  }

  #ask(name: string, value: unknown): Promise<WithHandle | { readonly value: unknown }> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(closed());
      this.#pending.set(id, { resolve, reject });
      this.#send({ ask: id, name, value });
    });
  }

  #take(message: Message, handle: unknown): void {
    const { ask, reply, name = "", value } = message;
    if (reply !== undefined) return this.#settle(reply, message, handle);
    const answer = (message: Message, handle?: object) => {
      if (ask !== undefined) this.#send({ ...message, reply: ask }, handle);
    };
    const fail = (error: unknown) => {
      const { message = String(error), code } = error as { message?: string; code?: string };
      answer({ error: { message, code } });
    };
    try {
      const handler = this.#handlers[name] as ((value: unknown) => unknown) | undefined;
      if (!handler) throw new Error(`Cannot answer ${name}: nothing here knows it`);
      const result = handler(value);
      const give = (result: unknown) => {
        if (result instanceof WithHandle) answer({ value: result.value }, result.handle);
        else answer({ value: result });
      };
      if (result instanceof Promise) result.then(give, fail);
      else give(result);
    } catch (error) {
      fail(error);
    }
  }

  #settle(id: number, { value, error }: Message, handle: unknown): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (!pending) return;
    if (error) {
      pending.reject(Object.assign(new Error(error.message), { code: error.code }));
    } else if (handle) pending.resolve(new WithHandle(value, handle as object));
    else pending.resolve({ value });
  }

  #send(message: Message, handle?: object): void {
    if (this.#isClosed) return;
    try {
      if (!this.#end.connected) return this.close();
      // Without a callback an error would be emitted as an event, and end the process.
      this.#end.send?.(message, handle, undefined, (error) => {
        if (error) this.close();
      });
    } catch {
      this.close();
    }
  }
}

function closed(): ChannelClosed {
  return new ChannelClosed("The process at the other end of the channel has ended");
}
