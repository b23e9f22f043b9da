import type {
  CompiledComponent,
  ComponentHost,
  ComponentInstance,
  ComponentTerms,
} from "../../service/util/component_loader.ts";
import { shownName } from "../../service/util/shown_name.ts";
import { ALLOWING, POLICIES, UNCOUNTED } from "../policies.ts";
import { UnknownForm } from "../rewrite/instructions.ts";
import { type Layout, layoutOf } from "../rewrite/layout.ts";
import { rewriteInSteps } from "../rewrite/rewrite.ts";
import { inTurns, turn } from "../turns.ts";
import { type InstanceLimits, LinkedInstance } from "./instance.ts";
import type { CoreModule } from "./core_module.ts";
import { parse, type ParsedComponent } from "./parse.ts";
import { MalformedComponent } from "./trap.ts";
import { messageOf } from "../../service/errors.ts";

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
  await checkValid(parsed);
  let layouts: Layout[];
  try {
    layouts = parsed.modules.map(layoutOf);
  } catch (error) {
    return await withoutLimits(parsed, messageOf(error), terms);
  }
  for (const layout of layouts) applyPolicies(layout, terms);
  return await compileRewritten(parsed, layouts, terms);
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
async function checkValid({ modules }: ParsedComponent): Promise<void> {
  for (const module of modules) {
    try {
      await WebAssembly.compile(module);
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
  layouts: readonly Layout[],
  terms: ComponentTerms,
): Promise<CompiledComponent> {
  const { reuse, watch, memory } = terms;
  let why = "reuse is off";
  if (reuse !== "never") {
    const whole = await attempt(layouts, terms, { dirtyPages: reuse !== "snapshot" });
    if (typeof whole !== "string") return compiled(parsed, whole, layouts, terms, true);
    why = whole;
  }
  if (!watch && memory === Infinity) return await withoutLimits(parsed, why, terms);
  const parts = await attempt(layouts, terms, undefined);
  if (typeof parts === "string") return await withoutLimits(parsed, parts, terms);
  return compiled(parsed, parts, layouts, terms, why);
}

/** Rewrites and compiles all modules, or returns the reason why it cannot, in words that complete "because". */
async function attempt(
  layouts: readonly Layout[],
  { memory, watch }: ComponentTerms,
  reset: { readonly dirtyPages: boolean } | undefined,
): Promise<CoreModule[] | string> {
  try {
    const parts: Promise<CoreModule>[] = [];
    for (const [i, layout] of largestFirst(layouts)) {
      const rewritten = await inTurns(
        rewriteInSteps(layout, { memory, checks: watch, reset, part: true }),
      );
      await turn();
      // V8 compiles on its own threads while the next module is rewritten.
      const compiled = WebAssembly.compile(rewritten.bytes);
      parts[i] = compiled.then((module) => ({ module, rewritten, layout }));
      parts[i].catch(() => {}); // awaited below, unless another module is refused before
    }
    return await Promise.all(parts);
  } catch (error) {
    if (error instanceof UnknownForm) return error.message;
    return `V8 refuses it with the code that limits need (${shownName(messageOf(error))})`;
  }
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
  const { watch, memory, allowUnlimited } = terms;
  const lost = [watch && "cpu_time", memory < Infinity && "memory"].filter(Boolean);
  if (lost.length && !allowUnlimited) {
    throw new Error(
      `Cannot run the program: ${lost.join(" and ")} would not hold, because ${why} ` +
        `(${ALLOWING} without)`,
    );
  }
  const parts = await Promise.all(parsed.modules.map(async (bytes): Promise<CoreModule> => ({
    module: await WebAssembly.compile(bytes),
    rewritten: undefined,
    layout: { imports: [], tables: [] },
  })));
  return {
    limited: why,
    resetting: why,
    watched: why,
    locate: () => NaN,
    instantiate: (host) =>
      instantiate(parsed, parts, { memory: Infinity, dirtyPages: undefined, snapshots: [] }, host),
  };
}

function compiled(
  parsed: ParsedComponent,
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
    instantiate: (host) => instantiate(parsed, parts, own, host),
  };
}

function instantiate(
  { component }: ParsedComponent,
  parts: readonly CoreModule[],
  limits: InstanceLimits,
  host: ComponentHost,
): ComponentInstance {
  try {
    return new LinkedInstance(component, parts, limits, host);
  } catch (cause) {
    if (cause instanceof MalformedComponent) throw new Error(shownName(cause.message), { cause });
    throw cause;
  }
}
