import type {
  CompiledComponent,
  ComponentHost,
  ComponentInstance,
  ComponentTerms,
} from "../../service/util/component_loader.ts";
import { shownName } from "../../service/util/shown_name.ts";
import { turn } from "../../service/util/turns.ts";
import { POLICIES, refuseWithoutLimits, UNCOUNTED } from "../policies.ts";
import { type Layout, layoutOf } from "../rewrite/layout.ts";
import type { RewriteOptions, Rewritten } from "../rewrite/rewrite.ts";
import { KeptCode, outcomeOf } from "../kept_code.ts";
import { type InstanceLimits, instantiateInSteps } from "./instance.ts";
import type { CoreModule } from "./core_module.ts";
import type { Component } from "./definitions.ts";
import { parse, type ParsedComponent } from "./parse.ts";
import { MalformedComponent } from "./trap.ts";
import { messageOf } from "../../service/errors.ts";

/** Core module of a component, with its kept code. */
interface Part {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly kept: KeptCode | undefined;
  /** Whether its rewritten form is kept, so that it is valid. */
  readonly known: boolean;
}

/**
 * Compiles a component: reads its structure, and rewrites and compiles each of its core modules.
 *
 * @throws {Error} If the component is malformed or invalid, or a policy refuses it; in one line.
 */
export async function compileComponent(
  bytes: Uint8Array<ArrayBuffer>,
  terms: ComponentTerms,
): Promise<CompiledComponent> {
  const parsed = parsedOf(bytes);
  await turn();
  const parts = await Promise.all(parsed.modules.map(async (bytes): Promise<Part> => {
    const kept = await KeptCode.of(terms.codeCache, [bytes]);
    return { bytes, kept, known: await kept?.has(firstForm(terms)) ?? false };
  }));
  await checkValid(parts);
  return await compileValid(parsed, parts, terms);
}

/** Returns the options of the first attempt at rewriting. */
function firstForm({ memory, watch, reuse }: ComponentTerms): RewriteOptions {
  const reset = reuse === "never" ? undefined : { dirtyPages: reuse !== "snapshot" };
  return { memory, checks: watch, reset, part: true };
}

async function compileValid(
  parsed: ParsedComponent,
  parts: readonly Part[],
  terms: ComponentTerms,
): Promise<CompiledComponent> {
  let layouts: Layout[];
  try {
    layouts = parsed.modules.map(layoutOf);
  } catch (error) {
    return await withoutLimits(parsed, messageOf(error), terms);
  }
  await turn();
  for (const layout of layouts) applyPolicies(layout, terms);
  return await compileRewritten(parsed, parts, layouts, terms);
}

function parsedOf(bytes: Uint8Array<ArrayBuffer>): ParsedComponent {
  try {
    return parse(bytes);
  } catch (cause) {
    throw new Error(`Cannot load the program: ${shownName(messageOf(cause))}`, { cause });
  }
}

/**
 * Validates the unchanged modules, one at a time: V8 copies each on the main thread before it compiles it
 * (bench/gaps.ts).
 */
async function checkValid(parts: readonly Part[]): Promise<void> {
  for (const part of parts) {
    if (part.known) continue;
    const validated = WebAssembly.compile(part.bytes);
    if (part.kept) part.kept.valid = validated;
    try {
      await validated;
    } catch (cause) {
      throw new Error(`Cannot compile the program: ${shownName(messageOf(cause))}`, { cause });
    }
    await turn();
  }
}

function applyPolicies(layout: Layout, { memory, allowUnlimited }: ComponentTerms): void {
  const terms = { memory, allowUnlimited };
  const { wideMemories, wideTables, startMemory, startTables, objects } = POLICIES;
  for (const policy of [wideMemories, wideTables, startMemory, startTables, objects]) {
    const why = policy(layout, terms);
    if (why !== undefined) throw new Error(`Cannot run the program: ${why}`);
  }
}

async function compileRewritten(
  parsed: ParsedComponent,
  parts: readonly Part[],
  layouts: readonly Layout[],
  terms: ComponentTerms,
): Promise<CompiledComponent> {
  const { reuse, watch, memory } = terms;
  let why = "reuse is off";
  if (reuse !== "never") {
    const whole = await attempt(layouts, parts, firstForm(terms));
    if (typeof whole !== "string") return compiled(parsed, whole, layouts, terms, true);
    why = whole;
  }
  if (!watch && memory === Infinity) return await withoutLimits(parsed, why, terms);
  const modules = await attempt(layouts, parts, { memory, checks: watch, part: true });
  if (typeof modules === "string") return await withoutLimits(parsed, modules, terms);
  return compiled(parsed, modules, layouts, terms, why);
}

/** Rewrites and compiles all modules, or returns the reason why it cannot, in words that complete "because". */
async function attempt(
  layouts: readonly Layout[],
  parts: readonly Part[],
  form: RewriteOptions,
): Promise<CoreModule[] | string> {
  try {
    const modules: Promise<CoreModule>[] = [];
    for (const [i, layout] of largestFirst(layouts)) {
      const outcome = await outcomeOf(() => layout, form, Promise.resolve(parts[i]!.kept));
      if (typeof outcome === "string") return outcome;
      await turn();
      // V8 compiles on its own threads while the next module is rewritten.
      modules[i] = coreModule(outcome, layout);
      modules[i].catch(() => {}); // awaited below, unless another module is refused before
      await turn();
    }
    return await Promise.all(modules);
  } catch (error) {
    return `V8 refuses it with the code that limits need (${shownName(messageOf(error))})`;
  }
}

/** Compiles a module. The bytes of both forms and the map of offsets are let go: instances do not need them. */
async function coreModule(
  { bytes, memories, names }: Rewritten,
  { imports, tables }: Layout,
): Promise<CoreModule> {
  const module = await WebAssembly.compile(bytes);
  return { module, rewritten: { memories, names }, layout: { imports, tables } };
}

function largestFirst(layouts: readonly Layout[]): [index: number, layout: Layout][] {
  return [...layouts.entries()].sort(([, one], [, other]) => other.bytes.length - one.bytes.length);
}

/** Compiles the modules unchanged, so that limits do not hold. */
async function withoutLimits(
  parsed: ParsedComponent,
  why: string,
  terms: ComponentTerms,
): Promise<CompiledComponent> {
  refuseWithoutLimits(terms, why);
  const parts = await Promise.all(parsed.modules.map(async (bytes): Promise<CoreModule> => ({
    module: await WebAssembly.compile(bytes),
    rewritten: undefined,
    layout: { imports: [], tables: [] },
  })));
  const { component } = parsed; // the bytes of its modules are let go
  const limits = { memory: Infinity, dirtyPages: undefined, snapshots: [] };
  return {
    limited: why,
    resetting: why,
    watched: why,
    locate: () => NaN,
    instantiate: (host) => instantiate(component, parts, limits, host),
  };
}

function compiled(
  { component }: ParsedComponent,
  parts: readonly CoreModule[],
  layouts: readonly Layout[],
  { memory, reuse, watch }: ComponentTerms,
  resetting: true | string,
): CompiledComponent {
  const objects = layouts.some(({ types }) => types.objects);
  const dirtyPages = resetting === true ? reuse !== "snapshot" : undefined;
  const own: InstanceLimits = { memory, dirtyPages, snapshots: [] };
  return {
    limited: objects ? UNCOUNTED : true,
    resetting,
    watched: watch || "nobody asks for it",
    // The frames of a trap do not say which of the modules they are of.
    locate: () => NaN,
    instantiate: (host) => instantiate(component, parts, own, host),
  };
}

function* instantiate(
  component: Component,
  parts: readonly CoreModule[],
  limits: InstanceLimits,
  host: ComponentHost,
): Generator<void, ComponentInstance> {
  try {
    return yield* instantiateInSteps(component, parts, limits, host);
  } catch (cause) {
    if (cause instanceof MalformedComponent) throw new Error(shownName(cause.message), { cause });
    throw cause;
  }
}
