import { type ByteSource, concat, type Eventually, isWhole } from "../service/http/bytes.ts";
import type { BackendRequest } from "../service/backends/transport.ts";
import type { HeaderList } from "../service/http/headers.ts";

/** Header fields in their order, with names in the spelling in which they were sent. */
export interface SentHeaders extends Iterable<readonly [name: string, value: string]> {
  /** Returns the values of a field, joined by commas; `null` for an absent field. The case of the name is ignored. */
  get(name: string): string | null;
  /** Tells whether there is a field of the name, in any case. */
  has(name: string): boolean;
}

/** Request that a guest has sent to a backend. */
export interface Call {
  /** Name of the backend. */
  readonly backend: string;
  /** Method, in the guest's case. */
  readonly method: string;
  /** URL: scheme, Host, path and query. */
  readonly url: string;
  /** Path and query, with the backend's path prefix. */
  readonly path: string;
  /** Header fields as they were sent, Host and framing included. */
  readonly headers: SentHeaders;
  /** Resolves to the content as text in UTF-8, when the guest has sent all of it. Rejects if the guest aborts it. */
  text(): Promise<string>;
  /** Resolves to the content in bytes, as {@linkcode Call.text} does. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  /** Resolves to the content parsed as JSON, as {@linkcode Call.text} does. */
  // deno-lint-ignore no-explicit-any -- as of a Response
  json(): Promise<any>;
}

/** Call, and the request to pass on, whose body is recorded for the call. */
interface RecordedCall {
  readonly call: Call;
  readonly request: BackendRequest;
}

/**
 * Records a request to a backend.
 *
 * @param changed Called when more of the body has arrived.
 */
export function recordCall(
  backend: string,
  request: BackendRequest,
  changed: () => void,
): RecordedCall {
  const { method, url, target, headers } = request;
  const body = isWhole(request.body) ? undefined : new RecordedSource(request.body, changed);
  const bytes = async () => {
    const content = body ? await body.content : request.body as Uint8Array;
    return content.slice() as Uint8Array<ArrayBuffer>;
  };
  const text = async () => new TextDecoder().decode(await bytes());
  return {
    call: {
      backend,
      method,
      url,
      path: target,
      headers: sentHeaders(headers),
      text,
      bytes,
      json: async () => JSON.parse(await text()),
    },
    request: body ? { ...request, body } : request,
  };
}

function sentHeaders(list: HeaderList): SentHeaders {
  const fields = [...list].map(([name, value]) => [name, value] as const);
  const valuesOf = (name: string) =>
    fields.filter(([one]) => one.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  return {
    get: (name) => valuesOf(name).join(", ") || (valuesOf(name).length ? "" : null),
    has: (name) => valuesOf(name).length > 0,
    [Symbol.iterator]: () => fields[Symbol.iterator](),
  };
}

/**
 * Body that is read to its end and kept, even if the backend reads only a part. So the guest that streams it is not held
 * up, and the test sees all of it.
 */
class RecordedSource implements ByteSource {
  readonly content: Promise<Uint8Array>;
  readonly #source: ByteSource;
  readonly #changed: () => void;
  readonly #chunks: Uint8Array[] = [];
  #next = 0;
  #ahead = 0;
  #end: { readonly error?: unknown } | undefined;
  #wake = Promise.withResolvers<void>();

  constructor(source: ByteSource, changed: () => void) {
    this.#source = source;
    this.#changed = changed;
    this.content = this.#pump();
    this.content.catch(() => {}); // a test that reads the content gets the rejection
  }

  get length(): number | undefined {
    const { length } = this.#source;
    return length === undefined ? undefined : length + this.#ahead;
  }

  get trailers(): HeaderList | undefined {
    return this.#source.trailers;
  }

  read(): Eventually<Uint8Array | undefined> {
    const chunk = this.#chunks[this.#next];
    if (!chunk) return this.#end ? this.#finish(this.#end) : this.#wait();
    this.#next++;
    this.#ahead -= chunk.length;
    return chunk;
  }

  /** Ignored: the rest is read for the test. */
  cancel(): void {}

  isHeldBy(run: object): boolean {
    return this.#source.isHeldBy?.(run) ?? false;
  }

  async #pump(): Promise<Uint8Array> {
    try {
      for (let chunk; (chunk = await this.#source.read());) {
        this.#chunks.push(chunk.slice());
        this.#ahead += chunk.length;
        this.#tell();
      }
      this.#end = {};
      return concat(this.#chunks);
    } catch (error) {
      this.#end = { error };
      throw error;
    } finally {
      this.#tell();
    }
  }

  #tell(): void {
    this.#changed();
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }

  async #wait(): Promise<Uint8Array | undefined> {
    await this.#wake.promise;
    return await this.read();
  }

  #finish(end: { readonly error?: unknown }): undefined {
    if ("error" in end) throw end.error;
    return undefined;
  }
}
