import { promising, suspending } from "../jspi.ts";
import type { CallScope, InstanceState, ResourceType } from "./handles.ts";
import { trap } from "./trap.ts";
import { record } from "./compound.ts";
import type { GuestBytes } from "./guest_bytes.ts";
import {
  allocate,
  checkAligned,
  type CoreType,
  type CoreValue,
  type Encoding,
  flatOf,
  FREE_BYTES,
  type FunctionType,
  type LiftLowerContext,
  type Type,
} from "./types.ts";

/** Function of a component or of the host, with values of the component model as arguments and result. */
export interface ComponentFunction {
  readonly type: FunctionType;
  /** Whether the function may return a promise, while which the caller is suspended. */
  readonly suspends: boolean;
  /** Calls the function. Handles are passed as the representations of their resources. */
  call(args: readonly unknown[]): unknown;
}

/** Options of a lifted or lowered function (`canonopt`), with indices resolved. */
export interface ResolvedOptions {
  readonly instance: InstanceState;
  readonly encoding: Encoding;
  readonly memory: (() => GuestBytes) | undefined;
  readonly realloc: CallableFunction | undefined;
  readonly postReturn: CallableFunction | undefined;
}

/** Callbacks around the code of a guest, by which the host measures its time and ends it. */
export interface CallObserver {
  /** Called with an error that ends the guest. Returns the error to throw in its place. */
  failed(error: unknown): unknown;
  /** Runs code of the guest (`realloc`) between the end of a suspended call and the guest's continuation. */
  whileRunning<T>(run: () => T): T;
  /** Returns the result of a call that may have suspended the guest, whose time counts again from its continuation on. */
  resumeOn(result: unknown): unknown;
}

function contextOf(crossing: ResolvedOptions): LiftLowerContext & { readonly scope: CallScope } {
  const { instance, encoding, memory, realloc } = crossing;
  return {
    instance,
    scope: { lent: [], borrowed: 0 },
    memory: memory?.(),
    encoding,
    left: FREE_BYTES,
    allocate: realloc && ((align, size) => {
      instance.mayLeave = false;
      try {
        return realloc(0, 0, align, size) >>> 0;
      } finally {
        instance.mayLeave = true;
      }
    }),
  };
}

/** Passing of a function's parameters and result: as core values or through memory. */
interface Shape {
  /** Parameters as one record; undefined if there are none. */
  readonly params: Type | undefined;
  readonly paramsInMemory: boolean;
  readonly result: Type | undefined;
  readonly resultInMemory: boolean;
}

function shapeOf({ params, result }: FunctionType): Shape {
  return {
    params: params.length ? record(params) : undefined,
    paramsInMemory: flatOf(params) === undefined,
    result,
    resultInMemory: result !== undefined && !(result.flat && result.flat.length <= 1),
  };
}

/** Returns the types of a lowered function's core parameters. A result in memory adds one for its address. */
function coreParamsOf(type: FunctionType): readonly CoreType[] {
  const { paramsInMemory, resultInMemory } = shapeOf(type);
  const params = paramsInMemory ? ["i32" as const] : flatOf(type.params)!;
  return resultInMemory ? [...params, "i32"] : params;
}

/** Makes a core function by which a component calls another function (`canon lower`). */
export function lower(
  callee: ComponentFunction,
  crossing: ResolvedOptions,
  watcher: CallObserver,
): WebAssembly.ImportValue {
  const { instance } = crossing;
  const { params, paramsInMemory, result, resultInMemory } = shapeOf(callee.type);
  const count = coreParamsOf(callee.type).length;
  const begin = (words: readonly CoreValue[]) => {
    if (!instance.mayLeave) {
      trap("Cannot call an import while the component allocates or cleans up");
    }
    const cx = contextOf(crossing);
    if (!params) return { cx, args: [] };
    const args = paramsInMemory
      ? params.load(cx, checkAligned(words[0] as number, params.align))
      : params.lift(cx, { values: words, at: 0 });
    return { cx, args: args as unknown[] };
  };
  const finish = (
    cx: LiftLowerContext,
    words: readonly CoreValue[],
    value: unknown,
  ): CoreValue | undefined => {
    for (const entry of cx.scope.lent) entry.lends--;
    if (!result) return undefined;
    if (resultInMemory) {
      result.store(cx, checkAligned(words[count - 1] as number, result.align), value);
      return undefined;
    }
    const out: CoreValue[] = [];
    result.lower(cx, value, out);
    return out[0];
  };
  const run = (...words: CoreValue[]): unknown => {
    try {
      const { cx, args } = begin(words);
      const value = callee.call(args);
      if (!callee.suspends || !(value instanceof Promise)) return finish(cx, words, value);
      return value.then((value) => watcher.whileRunning(() => finish(cx, words, value)))
        .catch((error) => {
          throw watcher.failed(error);
        });
    } catch (error) {
      throw watcher.failed(error);
    }
  };
  if (!callee.suspends) return run as WebAssembly.ImportValue;
  return suspending((...words: CoreValue[]) => watcher.resumeOn(run(...words)));
}

/** Function that a component exports (`canon lift`). */
export class LiftedFunction implements ComponentFunction {
  readonly type: FunctionType;
  /** A function that it calls may wait, and its caller has to wait with it. */
  readonly suspends = true;
  readonly #promising: (...args: unknown[]) => Promise<unknown>;
  readonly #crossing: ResolvedOptions;
  readonly #shape: Shape;

  constructor(type: FunctionType, core: CallableFunction, crossing: ResolvedOptions) {
    this.type = type;
    this.#promising = promising(core) as (...args: unknown[]) => Promise<unknown>;
    this.#crossing = crossing;
    this.#shape = shapeOf(type);
  }

  /** Calls the function. The promise rejects with an exception of the guest, or with a trap of the component model. */
  async call(args: readonly unknown[]): Promise<unknown> {
    const { instance } = this.#crossing;
    const { params, paramsInMemory } = this.#shape;
    if (instance.entered) trap("Cannot call a component that a call is in already");
    instance.entered = true;
    const cx = contextOf(this.#crossing);
    let words: CoreValue[] = [];
    if (params && paramsInMemory) {
      const at = allocate(cx, params.align, params.size);
      params.store(cx, at, args);
      words = [at];
    } else params?.lower(cx, args, words);
    const answer = await this.#promising(...words) as CoreValue | undefined;
    const value = this.#finish(cx, answer);
    instance.entered = false;
    return value;
  }

  #finish(cx: LiftLowerContext, answer: CoreValue | undefined): unknown {
    const { instance, postReturn, memory } = this.#crossing;
    const { result, resultInMemory } = this.#shape;
    let value: unknown;
    if (result) {
      const reader = { ...cx, memory: memory?.() };
      value = resultInMemory
        ? result.load(reader, checkAligned(answer as number, result.align))
        : result.lift(reader, { values: [answer!], at: 0 });
    }
    if (postReturn) {
      instance.mayLeave = false;
      if (answer === undefined) postReturn();
      else postReturn(answer);
      instance.mayLeave = true;
    }
    if (cx.scope.borrowed) trap(`Cannot return with ${cx.scope.borrowed} borrowed handles left`);
    return value;
  }
}

/** Makes a core function for handles of one resource type (`canon resource.new`, `resource.drop`, `resource.rep`). */
export function resourceFunction(
  kind: "resource-new" | "resource-drop" | "resource-rep",
  type: ResourceType,
  instance: InstanceState,
  watcher: CallObserver,
): WebAssembly.ImportValue {
  const guarded = (run: (word: number) => number | void) => (word: number) => {
    try {
      if (!instance.mayLeave && kind !== "resource-rep") {
        trap("Cannot use handles while the component allocates or cleans up");
      }
      return run(word);
    } catch (error) {
      throw watcher.failed(error);
    }
  };
  if (kind === "resource-rep") return guarded((word) => instance.get(type, word).representation);
  if (kind === "resource-new") return guarded((word) => instance.add(type, word, true));
  return guarded((word) => {
    const { own, representation, scope } = instance.remove(type, word);
    if (own) type.drop?.(representation);
    else if (scope) scope.borrowed--;
  });
}
