import type { Reuse } from "../service/reuse.ts";
import { builtin } from "../service/util/builtins.ts";
import type { CodeCache } from "../service/util/code_cache.ts";
import type { ComponentTerms } from "../service/util/component_loader.ts";
import { shownName } from "../service/util/shown_name.ts";
import { type Export, type Import, type Layout, layoutOf } from "./rewrite/layout.ts";
import {
  applyPolicies,
  exportsMemory,
  NOTHING_KNOWN,
  refuseWithoutLimits,
  type Terms,
  UNCOUNTED,
} from "./policies.ts";
import type { Resetting, RewriteOptions, Rewritten } from "./rewrite/rewrite.ts";
import type { EarlierCode } from "./rewrite/earlier_code.ts";
import { type DataImage, type Parted, parted } from "./data_image.ts";
import { KeptCode, loadRewriter, outcomeOf } from "./kept_code.ts";
import { afterHeadStart } from "./turns.ts";
import { messageOf } from "../service/errors.ts";
import { readModule, type Source } from "./source.ts";

/** Compiled core module of a guest, ready to be instantiated. */
export interface CompiledModule {
  readonly module: WebAssembly.Module;
  /** Every function that the module imports, once. */
  readonly imports: readonly ImportName[];
  /** Whether it exports the memory that hostcalls use. */
  readonly hasMemory: boolean;
  /** `true` if the memory limit holds; else the reason why it does not, in words that complete "because". */
  readonly limited: true | string;
  /** How an instance is reset; or the reason why it cannot be, in words that complete "because". */
  readonly resetting: Resetting | string;
  /** `true` if the watchdog can stop the guest; else the reason why it cannot, in words that complete "because". */
  readonly watched: true | string;
  /** Imports and exports that rewriting has added; undefined if the module is unchanged. */
  readonly rewritten: Pick<Rewritten, "memories" | "names" | "tags"> | undefined;
  /** Data that the host writes into the memory of each instance; undefined if the module has its data itself. */
  readonly image: DataImage | undefined;
  /** Returns the original offset of a byte in the running module; undefined in code that the host has added. */
  readonly locate: (offset: number) => number | undefined;
  /** Compiles the module again, for instances that are reset from a snapshot; absent unless the method is to be chosen. */
  readonly compileForSnapshots?: () => Promise<CompiledModule>;
  /** Frees the bytes that {@linkcode CompiledModule.compileForSnapshots} needs, once the method is chosen. */
  readonly forgetBytes?: () => void;
  /** Code to load the next build from sooner; absent unless {@linkcode CompileOptions.earlier} is set. */
  readonly code?: KnownCode;
}

/** Both forms of a program's code, without its data. */
interface KnownCode extends EarlierCode {
  /** Terms that it was compiled for, as {@linkcode termsText} writes them. */
  readonly terms: string;
}

/** Name of a function that a module imports. */
interface ImportName {
  readonly module: string;
  readonly name: string;
}

/** Method of resetting an instance's memory: copy the pages that writes have marked, or all of it. */
export type ResetMethod = Exclude<Reuse, "auto" | "never">;

/** Options of {@linkcode compile}. */
export interface CompileOptions extends Terms {
  /** How instances are reset, to be reused, if the module allows that; `auto` begins with dirty pages. */
  readonly reuse: Reuse;
  /** Whether a watchdog must be able to stop the guest. */
  readonly watch: boolean;
  /** Keeps the rewritten module; by default nothing is kept. */
  readonly codeCache?: CodeCache | undefined;
  /** Earlier build of the program, if both are to keep their code; `true` if there is none yet. By default it is let go. */
  readonly earlier?: CompiledModule | true | undefined;
  /** Called when V8 has begun to compile the rewritten module, or when it is not known and rewriting begins. */
  readonly begun?: () => void;
}

/** Module to be compiled, without its data where the host can write that. */
interface Subject {
  /** What it declares, with its data as without. */
  readonly declared: Pick<Layout, "imports" | "exports" | "memories" | "tables" | "types">;
  /** Returns the module without its data. A known one is not made: it is as large as the program. */
  readonly layout: () => Layout;
  /** Makes the image of the data, once; undefined if the module has its data itself. */
  readonly image: () => DataImage | undefined;
  /** Kept code of the module; undefined without a cache. */
  readonly kept: Promise<KeptCode | undefined>;
}

/**
 * Compiles a guest with a bound on its memory. V8 decides by the original bytes, but for its data, whether the module is
 * valid; policies decide whether it may run.
 *
 * @throws {Error} If the source cannot be read, is not valid, or is refused by a policy. The message is one line for the
 *   user.
 */
export async function compile(source: Source, options: CompileOptions): Promise<CompiledModule> {
  if (source instanceof WebAssembly.Module) return asItIs(source, "it came compiled", options);
  const original = await readModule(source);
  const structure = structureOf(original);
  if (typeof structure === "string") {
    await checkValid(original);
    return await withoutLimits(original, structure, options);
  }
  const again = sameCode(structure, options);
  if (again) return again;
  const { layout: whole, data } = structure;
  const layout = once(() => data ? layoutOf(data.withoutData()) : whole);
  const kept = KeptCode.of(options.codeCache, data?.pieces ?? [original]);
  const { imports, exports, memories, tables, types } = whole; // and not its bytes, which may be let go
  const declared = { imports, exports, memories, tables, types };
  const subject = { declared, layout, kept, image: once(() => data?.image()) };
  const isReload = typeof options.earlier === "object"; // it knows most of the code, and a file has to be read
  if (!isReload && await (await kept)?.has(firstForm(options))) {
    // V8 was started with other flags if it does not take the module any more.
    const known = await compileUnchecked(original, subject, options).catch(() => undefined);
    if (known) return known;
  }
  await loadRewriter(); // before other modules
  options.begun?.();
  // V8 validates on a thread of its own while the bytes are rewritten. Nothing is made of them before it is done.
  const validated = checkValid(layout().bytes as Uint8Array<ArrayBuffer>, !isReload);
  kept.then((kept) => {
    if (kept) kept.valid = validated;
  });
  const [valid, compiled] = await Promise.allSettled([
    validated,
    compileUnchecked(original, subject, options),
  ]);
  if (valid.status === "rejected") throw valid.reason;
  if (compiled.status === "rejected") throw compiled.reason;
  return compiled.value;
}

/** Structure of a module. */
interface Structure {
  readonly layout: Layout;
  /** Undefined if its data cannot be taken out. */
  readonly data: Parted | undefined;
}

/** Reads a module's structure; or tells why it is not known, in words that complete "because". */
function structureOf(bytes: Uint8Array): Structure | string {
  try {
    const layout = layoutOf(bytes);
    return { layout, data: parted(layout) };
  } catch (error) {
    return messageOf(error);
  }
}

/** Returns the earlier build with this one's data if their code is the same: V8 has compiled it, and may have optimised it. */
function sameCode(
  { layout, data }: Structure,
  options: CompileOptions,
): CompiledModule | undefined {
  const { earlier } = options;
  const code = typeof earlier === "object" ? earlier.code : undefined;
  if (!code || code.terms !== termsText(options)) return undefined;
  const isSame = data
    ? data.isWithoutData(code.bytes)
    : builtin("node:buffer").Buffer.compare(layout.bytes, code.bytes) === 0;
  if (!isSame) return undefined;
  const image = data?.image();
  const again = { ...earlier as CompiledModule, image };
  if (!again.compileForSnapshots) return again;
  return withSnapshots(again, subjectOf(code.bytes, image), options);
}

/** Describes a module to be compiled again, of which nothing is kept. */
function subjectOf(bytes: Uint8Array, image: DataImage | undefined): Subject {
  const layout = layoutOf(bytes);
  return {
    declared: layout,
    layout: () => layout,
    image: () => image,
    kept: Promise.resolve(undefined),
  };
}

/** Writes the terms of compiling, besides the program, as a text to compare. */
export function termsText({ memory, reuse, watch, allowUnlimited }: ComponentTerms): string {
  return JSON.stringify([`${memory}`, reuse, watch, allowUnlimited]);
}

/** Returns the options of the first attempt at rewriting. */
function firstForm({ memory, watch, reuse }: CompileOptions): RewriteOptions {
  const reset = reuse === "never" ? undefined : { dirtyPages: reuse !== "snapshot" };
  return { memory, checks: watch, reset };
}

/** Validates a module, without blocking the event loop; `late` if V8 has other work to do first. */
async function checkValid(bytes: Uint8Array<ArrayBuffer>, late = true): Promise<void> {
  if (late) await afterHeadStart();
  try {
    await WebAssembly.compile(bytes);
  } catch (cause) {
    throw new Error(`Cannot compile the program: ${shownName(messageOf(cause))}`, { cause });
  }
}

/** Compiles a module that may be invalid; the result, or the error, counts only if it is not. */
async function compileUnchecked(
  original: Uint8Array,
  subject: Subject,
  options: CompileOptions,
): Promise<CompiledModule> {
  applyPolicies(subject.declared, options);
  return await compileRewritten(original, subject, options);
}

/** Rewrites the module for as many of the options as it allows. */
async function compileRewritten(
  original: Uint8Array,
  subject: Subject,
  options: CompileOptions,
): Promise<CompiledModule> {
  const { reuse, watch, memory } = options;
  let why = "reuse is off";
  if (reuse !== "never") {
    const whole = await attempt(subject, options, firstForm(options));
    if (typeof whole !== "string") {
      return reuse === "auto" ? withSnapshots(whole, subject, options) : whole;
    }
    why = whole;
  }
  if (!watch && memory === Infinity) return await withoutLimits(original, why, options);
  const part = await attempt(subject, options, { memory, checks: watch });
  if (typeof part === "string") return await withoutLimits(original, part, options);
  return { ...part, resetting: why };
}

/** Rewrites and compiles the module, or returns the reason why it cannot, in words that complete "because". */
async function attempt(
  { declared, layout, image, kept }: Subject,
  options: CompileOptions,
  form: RewriteOptions,
): Promise<CompiledModule | string> {
  const { reuse, watch, earlier } = options;
  try {
    const known = typeof earlier === "object" ? earlier.code : undefined;
    const outcome = await outcomeOf(layout, { ...form, earlier: known }, kept);
    if (typeof outcome === "string") return outcome;
    // `locate` keeps the offsets alone, as the bytes are large.
    const { bytes, memories, names, tags, offsets, resetting } = outcome;
    const compiling = WebAssembly.compile(bytes);
    options.begun?.();
    image(); // while V8 compiles
    return {
      module: await compiling,
      imports: functionsOf(declared.imports),
      hasMemory: exportsMemory(declared),
      limited: declared.types.objects ? UNCOUNTED : true,
      resetting: resetting ?? `reuse is ${reuse}`,
      watched: watch || "nobody asks for it",
      rewritten: { memories, names, tags },
      image: image(),
      locate: (offset) => offsets.original(offset),
      ...earlier && {
        code: { bytes: layout().bytes, rewritten: outcome, terms: termsText(options) },
      },
    };
  } catch (error) {
    return `V8 refuses it with the code that limits need (${shownName(messageOf(error))})`;
  }
}

function withSnapshots(
  program: CompiledModule,
  subject: Subject,
  options: CompileOptions,
): CompiledModule {
  let left: Subject | undefined = subject;
  const alone = { ...options, earlier: undefined };
  const compileForSnapshots = async () => {
    if (!left) throw new Error("Cannot compile the program again: its bytes are not kept");
    const { memory, watch: checks } = alone;
    const form = { memory, checks, reset: { dirtyPages: false } };
    const other = await attempt(left, alone, form);
    if (typeof other === "string") throw new Error(other);
    return other;
  };
  const forgetBytes = () => {
    left = undefined;
  };
  return { ...program, compileForSnapshots, forgetBytes };
}

/**
 * Compiles the module unchanged, so that limits do not hold.
 *
 * @throws {Error} If there are limits, unless `allowUnlimited` is set.
 */
async function withoutLimits(
  bytes: Uint8Array,
  why: string,
  options: CompileOptions,
): Promise<CompiledModule> {
  refuseWithoutLimits(options, why);
  const module = await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
  return asItIs(module, why, options);
}

/** Describes a module that is not rewritten, and so has neither limits nor reuse, for the reason in `why`. */
function asItIs(module: WebAssembly.Module, why: string, terms: Terms): CompiledModule {
  const imports = WebAssembly.Module.imports(module) as Import[];
  const exports = WebAssembly.Module.exports(module) as Export[];
  applyPolicies({ ...NOTHING_KNOWN, imports, exports }, terms);
  return {
    module,
    imports: functionsOf(imports),
    hasMemory: exportsMemory({ exports }),
    limited: why,
    resetting: why,
    watched: why,
    rewritten: undefined,
    image: undefined,
    locate: (offset) => offset,
  };
}

/** Lists every imported function once. */
function functionsOf(imports: readonly Import[]): ImportName[] {
  const modules = new Map<string, Set<string>>();
  const functions: ImportName[] = [];
  for (const { module, name, kind } of imports) {
    const names = modules.get(module) ?? new Set();
    if (kind !== "function" || names.has(name)) continue;
    modules.set(module, names.add(name));
    functions.push({ module, name });
  }
  return functions;
}

/** Makes a function that calls `make` at its first call and returns that result at each; `make` is let go then. */
function once<T>(make: () => T): () => T {
  let left: (() => T) | undefined = make;
  let made: T;
  return () => {
    if (left) made = left();
    left = undefined;
    return made;
  };
}
