import type { CodeCache } from "../service/util/code_cache.ts";
import { REWRITER } from "./embedded.ts";
import { UnknownForm } from "./rewrite/instructions.ts";
import type { Layout } from "./rewrite/layout.ts";
import { type Outcome, packed, unpacked } from "./rewrite/packed.ts";
import type { RewriteOptions } from "./rewrite/rewrite.ts";
import { inTurns } from "./turns.ts";
import { digestOf, digestOfPieces } from "../service/util/digest.ts";

/** Smallest module that is kept, in bytes: a smaller one is rewritten sooner than its code is read. */
const MIN_BYTES = 256 * 1024;

/** Rewritten forms of one module in a cache. They are there only if V8 has found the module valid. */
export class KeptCode {
  readonly #cache: CodeCache;
  readonly #digest: string;
  /** Outcome that {@linkcode KeptCode.has} has read, with its key. */
  #read: { readonly key: string; readonly outcome: Outcome } | undefined;
  readonly #validity = Promise.withResolvers<unknown>();

  private constructor(cache: CodeCache, digest: string) {
    this.#cache = cache;
    this.#digest = digest;
    this.#validity.promise.catch(() => {}); // the caller that validates reports it
  }

  /** Returns access to the kept forms of a module, given in pieces; undefined if none is kept, and none is to be. */
  static async of(
    cache: CodeCache | undefined,
    pieces: readonly Uint8Array<ArrayBuffer>[],
  ): Promise<KeptCode | undefined> {
    const size = pieces.reduce((sum, { length }) => sum + length, 0);
    if (!cache || size < MIN_BYTES) return undefined;
    return new KeptCode(cache, await digestOfPieces(pieces));
  }

  /** Whether the outcome of rewriting the module with some options is kept, so that the module is valid. */
  async has(options: RewriteOptions): Promise<boolean> {
    const key = await this.#key(options);
    const outcome = await this.#find(key);
    if (outcome !== undefined) {
      this.#read = { key, outcome };
      this.#validity.resolve(undefined);
    }
    return outcome !== undefined;
  }

  /** Returns the outcome of rewriting the module with some options; undefined if it is not kept. */
  async get(options: RewriteOptions): Promise<Outcome | undefined> {
    const key = await this.#key(options);
    const read = this.#read;
    this.#read = undefined;
    return read?.key === key ? read.outcome : await this.#find(key);
  }

  async #find(key: string): Promise<Outcome | undefined> {
    const bytes = await this.#cache.get(key);
    try {
      return bytes && unpacked(bytes);
    } catch {
      return undefined;
    }
  }

  /** Keeps an outcome, once the module is known to be valid. */
  put(options: RewriteOptions, outcome: Outcome): void {
    this.#validity.promise.then(
      async () => this.#cache.put(await this.#key(options), packed(outcome)),
      () => {},
    );
  }

  /** @param valid Resolves when V8 has found the module valid; rejects if it is not. */
  set valid(valid: Promise<unknown>) {
    this.#validity.resolve(valid);
  }

  async #key({ memory, checks, reset, part = false }: RewriteOptions): Promise<string> {
    const text = JSON.stringify([
      REWRITER,
      this.#digest,
      `${memory}`,
      checks,
      reset?.dirtyPages ?? null,
      part,
    ]);
    return await digestOf(new TextEncoder().encode(text));
  }
}

/** Loads the rewriter, which a known program does not need. */
export function loadRewriter(): Promise<typeof import("./rewrite/rewrite.ts")> {
  return import("./rewrite/rewrite.ts");
}

/**
 * Rewrites the module that `layout` returns, with turns of the event loop in between, or takes the kept outcome. With an
 * earlier build the rewrite takes no longer.
 */
export async function outcomeOf(
  layout: () => Layout,
  options: RewriteOptions,
  keeping: Promise<KeptCode | undefined>,
): Promise<Outcome> {
  const known = options.earlier ? undefined : await (await keeping)?.get(options);
  if (known !== undefined) return known;
  const { rewriteInSteps } = await loadRewriter();
  const outcome = await inTurns(rewriteInSteps(layout(), options)).catch((error) => {
    if (error instanceof UnknownForm) return error.message;
    throw error;
  });
  keeping.then((kept) => kept?.put(options, outcome));
  return outcome;
}
