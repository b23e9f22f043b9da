import type { Gunzip } from "node:zlib";
import { type ByteSource, type Eventually, isWhole, type Payload } from "./bytes.ts";
import { HostError } from "../errors.ts";
import type { HeaderList } from "./headers.ts";
import { builtin } from "../util/builtins.ts";

/**
 * Decodes gzip (RFC 1952) with `node:zlib` while it is read; several members are allowed. Nothing is decoded before the
 * first read. An empty payload decodes to an empty one, since a response to HEAD has such a body.
 *
 * @returns Source whose reads reject with a `HostError` ("failed") if the bytes are not gzip or end too soon.
 */
export function gunzip(source: Payload): ByteSource {
  return new GunzipSource(isWhole(source) ? once(source) : source);
}

class GunzipSource implements ByteSource {
  readonly length = undefined;
  readonly #source: ByteSource;
  #decoder: Gunzip | undefined;
  #feeding = false;
  #fed = false;
  #error: { readonly reason: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  get trailers(): HeaderList | undefined {
    return this.#source.trailers;
  }

  async read(): Promise<Uint8Array | undefined> {
    const decoder = this.#decoder ??= this.#open();
    for (;;) {
      if (this.#error) throw this.#error.reason;
      const chunk: unknown = decoder.read();
      if (chunk instanceof Uint8Array) {
        return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
      }
      if (decoder.destroyed || decoder.readableEnded) return undefined;
      const changed = new Promise<void>((resolve) => this.#wake = resolve);
      if (!this.#feeding) this.#feed(decoder);
      await changed;
    }
  }

  cancel(reason?: unknown): void {
    this.#source.cancel(reason);
    this.#decoder?.destroy();
  }

  #open(): Gunzip {
    const decoder = builtin("node:zlib").createGunzip();
    const wake = () => this.#wake?.();
    decoder.on("readable", wake);
    decoder.on("end", wake);
    decoder.on("close", wake);
    decoder.on("error", (error) => {
      const message = `Cannot decode the body: it is not whole gzip (${error.message})`;
      this.#fail(new HostError("failed", message, { cause: error }));
      this.#source.cancel(error);
    });
    return decoder;
  }

  /** Writes the next piece to the decoder. The next one is written only when a read finds nothing decoded. */
  async #feed(decoder: Gunzip): Promise<void> {
    this.#feeding = true;
    try {
      const chunk = await this.#source.read();
      if (decoder.destroyed) return;
      if (chunk) {
        this.#fed = true;
        await new Promise<unknown>((resolve) => decoder.write(chunk, resolve));
      } else if (this.#fed) {
        return void decoder.end(); // `#feeding` stays true: there is nothing left to feed
      } else {
        decoder.destroy();
      }
      this.#feeding = false;
    } catch (error) {
      this.#fail(error);
      decoder.destroy();
    }
    this.#wake?.();
  }

  #fail(reason: unknown): void {
    this.#error ??= { reason };
    this.#wake?.();
  }
}

function once(bytes: Uint8Array): ByteSource {
  let left = bytes;
  return {
    get length() {
      return left.length;
    },
    trailers: undefined,
    read(): Eventually<Uint8Array | undefined> {
      const all = left;
      left = left.subarray(left.length);
      return all.length ? all : undefined;
    },
    cancel() {},
  };
}
