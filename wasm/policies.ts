import { shownName } from "../service/util/shown_name.ts";
import { budgetOf, MAX_ELEMENTS, sumOf } from "./rewrite/budget.ts";
import type { Layout } from "./rewrite/layout.ts";

const MIB = 2 ** 20;

/** Settings that policies depend on. */
export interface Terms {
  /** Bytes that an instance may have in memories and tables; `Infinity` for no limit. */
  readonly memory: number;
  /** Whether a program for which a limit does not hold is loaded all the same. */
  readonly allowUnlimited: boolean;
}

/** Parts of a module that policies look at. */
type Subject = Pick<Layout, "imports" | "exports" | "memories" | "tables" | "types">;

/** Parts that are unknown of a module that came compiled, without its bytes. */
export const NOTHING_KNOWN: Pick<Subject, "memories" | "tables" | "types"> = {
  memories: [],
  tables: [],
  types: { count: 0, parameters: [], objects: false },
};

/** How to load a program for which a limit does not hold, in words before "without". */
const ALLOWING = "--allow-unlimited, or the option allowUnlimited, loads it";
/** Reason why the memory limit does not hold for garbage-collected objects, in words that complete "because". */
export const UNCOUNTED =
  "it has types of garbage collection (structs, arrays), whose objects are not counted";

const NO_START =
  'it exports no function named "_start", so it is no Compute program. Build one with ' +
  "`fastly compute build`, or in Rust: `cargo build --target wasm32-wasip1` with a src/main.rs; " +
  "Go: `GOOS=wasip1 GOARCH=wasm go build -o app.wasm`; " +
  "JavaScript: `npx js-compute-runtime src/index.js app.wasm`; " +
  "AssemblyScript: `npx asc assembly/index.ts --exportStart _start --outFile app.wasm`";

/** Returns why a valid module is refused, in words that follow "Cannot run the program: "; undefined if it is not. */
type Policy = (module: Subject, terms: Terms) => string | undefined;

/**
 * Policies by name: reasons to refuse a module that V8 accepts. Two more are {@linkcode refuseWithoutMemory}, for which
 * the hostcalls must be known, and {@linkcode refuseWithoutLimits}, for a module that V8 or the rewriter does not take
 * with the code that limits need.
 */
export const POLICIES = {
  functions({ imports }) {
    const other = imports.find(({ kind }) => kind !== "function");
    return other &&
      `it imports the ${other.kind} ${shownName(other.module)}.${shownName(other.name)}, ` +
        "and there are only functions to import";
  },
  start({ exports }) {
    const found = exports.some(({ name, kind }) => name === "_start" && kind === "function");
    return found ? undefined : NO_START;
  },
  wideMemories({ memories }) {
    return memories.some(({ wide }) => wide) ? "its memory has 64-bit addresses" : undefined;
  },
  wideTables({ tables }) {
    return tables.some(({ wide }) => wide) ? "its table has 64-bit indices" : undefined;
  },
  startMemory({ memories, tables }, { memory }) {
    const { start, left, elements } = budgetOf({ memories, tables }, memory);
    if (left >= 0) return undefined;
    const pages = sumOf(memories);
    return `it starts with ${
      shownSize(start)
    } of memory (${pages} pages in memories, ${elements} ` +
      `elements in tables), and the limit memory is ${shownSize(memory)}`;
  },
  startTables({ tables }) {
    const elements = sumOf(tables);
    return elements > MAX_ELEMENTS
      ? `its tables start with ${elements} elements, and an instance may have ${MAX_ELEMENTS}`
      : undefined;
  },
  objects({ types }, { memory, allowUnlimited }) {
    if (!types.objects || allowUnlimited || memory === Infinity) return undefined;
    return `memory would not hold, because ${UNCOUNTED} (${ALLOWING} without)`;
  },
} satisfies Readonly<Record<string, Policy>>;

/** @throws {Error} If a policy refuses the module. */
export function applyPolicies(module: Subject, terms: Terms): void {
  for (const policy of Object.values(POLICIES) as readonly Policy[]) {
    const why = policy(module, terms);
    if (why !== undefined) throw new Error(`Cannot run the program: ${why}`);
  }
}

/** Whether a module exports the memory that hostcalls use. */
export function exportsMemory({ exports }: Pick<Subject, "exports">): boolean {
  return exports.some(({ name, kind }) => name === "memory" && kind === "memory");
}

/**
 * Refuses a compiled module without a memory for its hostcalls.
 *
 * @param needsMemory Whether a hostcall reads or writes the guest's memory.
 * @throws {Error} If a hostcall needs one.
 */
export function refuseWithoutMemory(
  { hasMemory, imports }: {
    readonly hasMemory: boolean;
    readonly imports: readonly { readonly module: string; readonly name: string }[];
  },
  needsMemory: (module: string, name: string) => boolean,
): void {
  const needing = hasMemory ? undefined : imports.find((of) => needsMemory(of.module, of.name));
  if (!needing) return;
  const call = `${needing.module}.${needing.name}`;
  throw new Error(
    `Cannot run the program: it exports no memory named "memory", which the hostcall ${call} needs`,
  );
}

/**
 * Refuses to run a program whose code is compiled unchanged, if a limit would not hold for it.
 *
 * @param why Reason, in words that follow "because".
 * @throws {Error} Unless `allowUnlimited` is set.
 */
export function refuseWithoutLimits(
  { watch, memory, allowUnlimited }: Terms & { readonly watch: boolean },
  why: string,
): void {
  const lost = [watch && "cpu_time", memory < Infinity && "memory"].filter(Boolean);
  if (!lost.length || allowUnlimited) return;
  const limits = lost.join(" and ");
  throw new Error(
    `Cannot run the program: ${limits} would not hold, because ${why} (${ALLOWING} without)`,
  );
}

function shownSize(bytes: number): string {
  const [unit, size] = bytes < MIB ? ["KiB", 2 ** 10] as const : ["MiB", MIB] as const;
  return `${Number((bytes / size).toFixed(2))} ${unit}`;
}
