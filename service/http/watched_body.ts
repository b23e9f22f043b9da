import { type ByteSource, type Eventually, isWhole, type Payload } from "./bytes.ts";
import type { HeaderList } from "./headers.ts";

/** Largest body that is sent in one piece, in bytes; larger ones are sent in several, which show the client's progress. */
const MAX_WHOLE = 2 ** 20;
/** Size of a piece, in bytes. */
const PIECE = 2 ** 18;

/** Callbacks of a {@linkcode WatchedBody}. */
export interface BodyWatcher {
  /** Called at each read: the reader has processed all earlier bytes. */
  reading(): void;
  /** Called when the source has returned bytes. */
  given(): void;
  /** Called when the body was read to its end, has failed or was cancelled; possibly more than once. */
  ended(): void;
}

/** Body that reports each read, and that can be cut short. */
export class WatchedBody implements ByteSource {
  readonly #source: ByteSource;
  readonly #watcher: BodyWatcher;
  #fail: ((error: unknown) => void) | undefined;
  #cut: { readonly error: Error } | undefined;

  constructor(source: ByteSource, watcher: BodyWatcher) {
    this.#source = source;
    this.#watcher = watcher;
  }

  get length(): number | undefined {
    return this.#source.length;
  }

  get trailers(): HeaderList | undefined {
    return this.#source.trailers;
  }

  read(): Eventually<Uint8Array | undefined> {
    if (this.#cut) throw this.#cut.error;
    this.#watcher.reading();
    try {
      const next = this.#source.read();
      return next instanceof Promise ? this.#wait(next) : this.#given(next);
    } catch (error) {
      this.#watcher.ended();
      throw error;
    }
  }

  cancel(reason?: unknown): void {
    this.#watcher.ended();
    this.#source.cancel(reason);
  }

  recycle(piece: Uint8Array): void {
    this.#source.recycle?.(piece);
  }

  /**
   * Fails the reader and cancels the source.
   *
   * @returns Whether a read was waiting; it rejects now.
   */
  cut(error: Error): boolean {
    this.#cut = { error };
    const waiting = this.#fail !== undefined;
    this.#fail?.(error);
    this.cancel(error);
    return waiting;
  }

  #wait(next: Promise<Uint8Array | undefined>): Promise<Uint8Array | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | undefined>();
    const fail = this.#fail = (error: unknown) => {
      this.#watcher.ended();
      reject(error);
    };
    next.then((chunk) => {
      if (this.#fail === fail) this.#fail = undefined;
      resolve(this.#given(chunk));
    }, fail);
    return promise;
  }

  #given(chunk: Uint8Array | undefined): Uint8Array | undefined {
    if (chunk) this.#watcher.given();
    else this.#watcher.ended();
    return chunk;
  }
}

/** Returns a source, or a whole payload above 1 MiB as a source of pieces (views of it); undefined for a shorter payload. */
export function sourceOf(payload: Payload): ByteSource | undefined {
  if (!isWhole(payload)) return payload;
  if (payload.length <= MAX_WHOLE) return undefined;
  let rest = payload;
  return {
    get length() {
      return rest.length;
    },
    trailers: undefined,
    read() {
      if (!rest.length) return undefined;
      const piece = rest.subarray(0, PIECE);
      rest = rest.subarray(PIECE);
      return piece;
    },
    cancel() {
      rest = rest.subarray(rest.length);
    },
  };
}
