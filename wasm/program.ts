import { Id, Reader, sections, Writer } from "./binary.ts";
import { PAGE } from "./control.ts";
import type { MemoryLimits } from "./layout.ts";
import type { Offsets } from "./offsets.ts";
import { type Resetting, rewrite, type Rewritten, type Wanted } from "./rewrite.ts";

const COMPONENT_LAYER = 1;
/** Flags of a memory's limits: a maximum, and addresses of 64 bits. */
const HAS_MAXIMUM = 1;
const WIDE = 4;

/** What a program may be loaded from. */
export type Source = URL | Uint8Array | Response | WebAssembly.Module;

/** A compiled guest that can be instantiated. */
export interface Program {
  readonly module: WebAssembly.Module;
  /** Every function that it imports, once. */
  readonly imports: readonly { readonly module: string; readonly name: string }[];
  /** Whether the memory limit holds: the bytes of a module that came compiled cannot be changed. */
  readonly limited: boolean;
  /** How an instance is put back to its first state; or why it cannot be, in words that complete "because". */
  readonly resetting: Resetting | string;
  /** Whether the watchdog can stop it; or why it cannot. */
  readonly watched: true | string;
  /** The memories that an instance is given; by default it has its own. */
  readonly memories: readonly MemoryLimits[] | undefined;
  /** The offset that a byte of the running module has in the module as it came. */
  readonly locate: (offset: number) => number;
  /** Compiles it again for instances that are put back by their whole image; there if it is not known to be dearer. */
  readonly compileForImages?: () => Promise<Program>;
}

/** How instances are put back: by what was written, which each write marks, or by copying their whole image. */
export type ResetWay = "cards" | "image";
/** Whether instances serve more than once, and how they are put back. */
export type Reuse = ResetWay | "auto" | "never";

/** How a guest is compiled. */
export interface CompileOptions {
  /** The most bytes of linear memory. */
  readonly memory: number;
  /** How its instances are put back, to serve more than once, if the module allows it; `auto` begins with cards. */
  readonly reuse: Reuse;
  /** Whether a watchdog is to be able to stop it. */
  readonly watch: boolean;
}

/**
 * Compiles a guest with a bound on its memory.
 *
 * @throws {Error} If there is nothing at the URL, or no program in it. The message is one line for the user.
 */
export async function compile(source: Source, options: CompileOptions): Promise<Program> {
  if (source instanceof WebAssembly.Module) return asItIs(source, "it came compiled", false);
  const capped = capMemory(checkMagic(await read(source)), Math.floor(options.memory / PAGE));
  // As it came, at the same time: the rewritten module may be valid where this one is not, and do what it must not.
  const compiling = WebAssembly.compile(capped);
  const rewritten = rewriteFor(capped, options);
  let module: WebAssembly.Module;
  try {
    module = await compiling;
  } catch (cause) {
    throw new Error(`Cannot compile the program: ${reason(cause)}`, { cause });
  }
  if (typeof rewritten === "string") return asItIs(module, rewritten);
  try {
    const program = await compileRewritten(asItIs(module, ""), rewritten);
    if (options.reuse !== "auto" || typeof program.resetting === "string") return program;
    return { ...program, compileForImages: () => compileForImages(program, capped, options) };
  } catch (error) {
    return asItIs(module, reason(error));
  }
}

/** The program with a rewritten module in the place of its own. */
async function compileRewritten(program: Program, outcome: Outcome): Promise<Program> {
  const { bytes, memories, offsets, resetting, watched } = outcome;
  const locate = (offset: number) => offsets.original(offset);
  const own = { module: await WebAssembly.compile(bytes), memories, resetting, watched, locate };
  return { ...program, ...own };
}

/** @throws {UnknownForm} As for cards: what stands in the way of one stands in the way of the other. */
function compileForImages(
  program: Program,
  capped: Uint8Array,
  { watch }: CompileOptions,
): Promise<Program> {
  const rewritten = rewrite(capped, { checks: watch, reset: { cards: false } });
  return compileRewritten(program, { ...program, ...rewritten, resetting: rewritten.resetting! });
}

/** A rewritten module, and what it does not allow; or why there is none. */
type Outcome = Pick<Program, "resetting" | "watched"> & {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly memories: readonly MemoryLimits[];
  readonly offsets: Offsets;
};

function rewriteFor(bytes: Uint8Array, { reuse, watch }: CompileOptions): Outcome | string {
  const watched = watch || "nobody asks for it";
  const whole = reuse === "never"
    ? "reuse is off"
    : tryRewrite(bytes, { checks: watch, reset: { cards: reuse !== "image" } });
  if (typeof whole !== "string") return { ...whole, resetting: whole.resetting!, watched };
  const part = watch ? tryRewrite(bytes, { checks: true }) : whole;
  return typeof part === "string" ? part : { ...part, resetting: whole, watched };
}

function tryRewrite(bytes: Uint8Array, wanted: Wanted): Rewritten | string {
  try {
    return rewrite(bytes, wanted);
  } catch (error) {
    return reason(error);
  }
}

async function read(source: URL | Uint8Array | Response): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  const name = source instanceof URL ? source.href : source.url || "the response";
  try {
    const response = source instanceof URL ? await fetch(source) : source;
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`the status is ${response.status}`);
    }
    return await response.bytes();
  } catch (cause) {
    throw new Error(`Cannot load a program from ${name}: ${reason(cause)}`, { cause });
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function checkMagic(bytes: Uint8Array): Uint8Array {
  const magic = bytes.length >= 8 && String.fromCharCode(...bytes.subarray(0, 4));
  if (magic !== "\0asm") throw new Error("Cannot load the program: it is not a WebAssembly module");
  if (bytes[6] === COMPONENT_LAYER) {
    throw new Error(
      "Cannot load the program: it is a component, and only modules run here (build for wasm32-wasip1)",
    );
  }
  return bytes;
}

/** A module that is not rewritten, for a reason. */
function asItIs(module: WebAssembly.Module, why: string, limited = true): Program {
  const imports = check(module);
  const locate = (offset: number) => offset;
  return { module, imports, limited, resetting: why, watched: why, memories: undefined, locate };
}

/** Answers every function that it imports. */
function check(module: WebAssembly.Module): Program["imports"] {
  const exports = WebAssembly.Module.exports(module);
  const needed = { memory: "memory", _start: "function" };
  for (const [name, kind] of Object.entries(needed)) {
    if (exports.some((item) => item.name === name && item.kind === kind)) continue;
    throw new Error(`Cannot run the program: it exports no ${kind} named "${name}"`);
  }
  const imports = new Map<string, { module: string; name: string }>();
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (kind !== "function") {
      throw new Error(`Cannot run the program: it imports the ${kind} ${from}.${name}`);
    }
    imports.set(`${from}\0${name}`, { module: from, name });
  }
  return [...imports.values()];
}

/** Lowers the maximum of the module's memory: growth past it fails, as it does on the platform. */
function capMemory(bytes: Uint8Array, most: number): Uint8Array<ArrayBuffer> {
  const section = sections(bytes).find(({ id }) => id === Id.memory);
  if (!section) return bytes as Uint8Array<ArrayBuffer>;
  const reader = new Reader(bytes, section.body);
  const out = new Writer().raw(bytes.subarray(0, section.start));
  out.byte(Id.memory).sized((w) => {
    const count = reader.unsigned();
    w.unsigned(count);
    for (let left = count; left > 0; left--) copyCapped(reader, w, most);
  });
  return out.raw(bytes.subarray(section.end)).take();
}

function copyCapped(reader: Reader, w: Writer, most: number): void {
  const flags = reader.byte();
  const least = reader.unsigned();
  const own = flags & HAS_MAXIMUM ? reader.unsigned() : Infinity;
  if (least > most) {
    throw new Error(
      `Cannot run the program: it starts with ${least} pages of memory, and the limit is ${most} ` +
        `(${most * PAGE / 2 ** 20} MiB)`,
    );
  }
  if (flags & WIDE) throw new Error("Cannot run the program: its memory has 64-bit addresses");
  w.byte(flags | HAS_MAXIMUM).unsigned(least).unsigned(Math.min(own, most));
}
