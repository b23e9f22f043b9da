import type { InstanceContext, Sandbox } from "../handles/sandbox.ts";
import { Stop } from "../handles/stop.ts";
import { describe, HostError, isReported, refuse } from "../service/errors.ts";
import { statusOf } from "./_status.ts";

/** Core WebAssembly argument: an `i32` arrives as a signed number, an `i64` as a bigint. */
export type CoreValue = number | bigint;
/** Core types of parameters. */
export type CoreTypes = readonly ("i32" | "i64")[];

/** Input of a hostcall: the core parameters that it takes, and how its value is read from them. */
export interface Input<T> {
  readonly coreTypes: CoreTypes;
  /** Whether its only parameter is a pointer. Inputs of several parameters are pointers with lengths. */
  readonly points?: boolean;
  read(sandbox: Sandbox, args: readonly CoreValue[], at: number): T;
  /** Frees a value that was taken from the guest, if a later input is refused. */
  release?(value: T): void;
}

/** Output of a hostcall: the pointers that it takes as core parameters, and how its value is written through them. */
export interface Output<T> {
  readonly coreTypes: CoreTypes;
  /** Whether the call is refused as absent, with nothing written, if the value is undefined or null. */
  readonly mayBeAbsent?: boolean;
  write(sandbox: Sandbox, args: readonly CoreValue[], at: number, value: T): void;
  /** Reports a refusal through the pointers. May return the status that the call returns in place of the refusal's. */
  refused?(
    sandbox: Sandbox,
    args: readonly CoreValue[],
    at: number,
    error: unknown,
  ): number | undefined;
}

/** Values of a list of inputs. */
export type Values<I extends readonly Input<unknown>[]> = {
  [K in keyof I]: I[K] extends Input<infer T> ? T : never;
};

/** Function that a guest imports. */
export type BoundHostcall = (...args: CoreValue[]) => number | Promise<number>;

/** Hostcall as data: its core parameters and its body. */
export interface Hostcall {
  readonly coreTypes: CoreTypes;
  /** Whether the guest may be suspended in the call. */
  readonly suspends: boolean;
  /** Whether the call reads or writes the guest's memory. */
  readonly needsMemory: boolean;
  /**
   * Body of the call, from the values of its inputs to the value of its output. Components call it as well. An absent value
   * is refused.
   */
  readonly run: (sandbox: Sandbox, ...values: never[]) => unknown;
  /** Makes the function for an instance, for all sandboxes that run in it one after another. */
  bind(context: InstanceContext): BoundHostcall;
}

/** Import module of the ABI. */
export interface Namespace {
  readonly name: string;
  readonly calls: Readonly<Record<string, Hostcall>>;
}

const ABSENT = "Cannot tell what is not known";

/** Makes a namespace of hostcalls, by the names under which guests import them. */
export function namespace(name: string, calls: Record<string, Hostcall>): Namespace {
  return { name, calls };
}

type Declare<R> = <const I extends readonly Input<unknown>[], O>(
  inputs: I,
  output: Output<O>,
  run: (
    sandbox: Sandbox,
    ...values: Values<I>
  ) => R extends "now" ? NoInfer<O> : NoInfer<O> | Promise<NoInfer<O>>,
) => Hostcall;

/** Functions that declare hostcalls. */
export interface HostcallDeclarers {
  /** Declares a hostcall that returns at once. */
  readonly call: Declare<"now">;
  /** Declares a hostcall that may return a promise, until which the guest is suspended. */
  readonly wait: Declare<"later">;
}

/**
 * Makes the functions that declare hostcalls.
 *
 * @param answer Returns the status for an error, be it a refusal or a bug of the host.
 */
export function hostcallDeclarers(answer: (error: unknown) => number): HostcallDeclarers {
  const absent = answer(new HostError("absent", ABSENT));
  const declare = (suspends: boolean): Declare<"later"> => (inputs, output, run) => {
    const { coreTypes, end } = shape(inputs, output);
    type Value = Parameters<typeof output.write>[3];
    const { mayBeAbsent } = output;
    const invoke = invoker(inputs, run);
    const give = (sandbox: Sandbox, args: CoreValue[], value: Value) => {
      if (mayBeAbsent && (value === undefined || value === null)) return absent;
      output.write(sandbox, args, end, value);
      return 0;
    };
    const refused = (sandbox: Sandbox, args: CoreValue[], error: unknown): number => {
      if (error instanceof Stop) {
        sandbox.execution.stop(error);
        throw error;
      }
      if (!(error instanceof HostError)) reportBug(sandbox, error);
      else if (error.limit) sandbox.requests.quota.note(error);
      return output.refused?.(sandbox, args, end, error) ?? answer(error);
    };
    // A function of its own: closures in the call would cost each call an object for what they share.
    const later = (sandbox: Sandbox, args: CoreValue[], result: Promise<Value>) => {
      if (!suspends) throw new TypeError("Cannot wait in a call: declare it with wait()");
      return sandbox.execution.suspend(result).then((value) => give(sandbox, args, value))
        .catch((error) => refused(sandbox, args, error));
    };
    return {
      coreTypes,
      suspends,
      run: (mayBeAbsent ? refusingAbsent(run) : run) as Hostcall["run"],
      needsMemory: output.coreTypes.length > 0 ||
        inputs.some(({ coreTypes, points }) => points || coreTypes.length > 1),
      bind: (context) => (...args) => {
        const { sandbox } = context;
        sandbox.requests.metrics.hostcalls++;
        sandbox.execution.checkStopped();
        try {
          const result = invoke(sandbox, args);
          if (result instanceof Promise) return later(sandbox, args, result);
          return give(sandbox, args, result);
        } catch (error) {
          return refused(sandbox, args, error);
        }
      },
    };
  };
  return { call: declare(false), wait: declare(true) } as HostcallDeclarers;
}

export const { call, wait }: HostcallDeclarers = hostcallDeclarers(statusOf);

/** Makes a body that refuses what it does not know, for callers that know no absent values. */
function refusingAbsent<A extends readonly unknown[], T>(run: (...args: A) => T) {
  const check = (value: Awaited<T>) => value ?? refuse("absent", ABSENT);
  return (...args: A) => {
    const result = run(...args);
    return result instanceof Promise ? result.then(check) : check(result as Awaited<T>);
  };
}

function reportBug(sandbox: Sandbox, error: unknown): void {
  sandbox.service.report(
    isReported(error) ? "debug" : "error",
    `A hostcall failed: ${describe(error)}`,
    sandbox.requests.current.id,
  );
}

function shape(inputs: readonly Input<unknown>[], { coreTypes }: Output<never>) {
  const taken = inputs.flatMap((input) => input.coreTypes);
  return { end: taken.length, coreTypes: [...taken, ...coreTypes] };
}

/** Makes a function that reads the inputs and calls the body. Up to three inputs are passed without a list of values. */
function invoker<const I extends readonly Input<unknown>[], R>(
  inputs: I,
  run: (sandbox: Sandbox, ...values: Values<I>) => R,
): (sandbox: Sandbox, args: CoreValue[]) => R {
  const call = run as (sandbox: Sandbox, ...values: unknown[]) => R;
  const [a, b, c] = inputs as readonly Input<unknown>[];
  const second = a?.coreTypes.length ?? 0;
  const third = second + (b?.coreTypes.length ?? 0);
  // A value has to be freed only if a later input can be refused.
  if (!inputs.slice(0, -1).some(({ release }) => release)) {
    switch (inputs.length) {
      case 0:
        return (sandbox) => call(sandbox);
      case 1:
        return (sandbox, args) => call(sandbox, a!.read(sandbox, args, 0));
      case 2:
        return (sandbox, args) =>
          call(sandbox, a!.read(sandbox, args, 0), b!.read(sandbox, args, second));
      case 3:
        return (sandbox, args) =>
          call(
            sandbox,
            a!.read(sandbox, args, 0),
            b!.read(sandbox, args, second),
            c!.read(sandbox, args, third),
          );
    }
  }
  const decode = decoder(inputs);
  return (sandbox, args) => call(sandbox, ...decode(sandbox, args));
}

function decoder(inputs: readonly Input<unknown>[]) {
  const starts: number[] = [];
  let end = 0;
  for (const { coreTypes } of inputs) {
    starts.push(end);
    end += coreTypes.length;
  }
  return (sandbox: Sandbox, args: CoreValue[]): unknown[] => {
    const values = new Array(inputs.length);
    let i = 0;
    try {
      for (; i < inputs.length; i++) values[i] = inputs[i]!.read(sandbox, args, starts[i]!);
    } catch (error) {
      while (--i >= 0) inputs[i]!.release?.(values[i]);
      throw error;
    }
    return values;
  };
}
