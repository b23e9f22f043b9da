import type { InstanceContext, Sandbox } from "../handles/sandbox.ts";
import { Stop } from "../handles/stop.ts";
import { HostError } from "../service/errors.ts";
import { describe } from "../service/service.ts";
import { statusOf } from "./_status.ts";

/** A raw wasm argument: an `i32` arrives signed, an `i64` as a bigint. */
export type Word = number | bigint;
export type Words = readonly ("i32" | "i64")[];

/** How a parameter crosses in: the words it occupies, and how to read them. */
export interface Input<T> {
  readonly words: Words;
  /** Whether its one word is a pointer; inputs of several words are a pointer with a length anyway. */
  readonly points?: boolean;
  read(sandbox: Sandbox, args: readonly Word[], at: number): T;
  /** Lets go of what was read and consumed, when a later input is refused. */
  release?(value: T): void;
}

/** How a result crosses out: the pointers it occupies, and how to fill them. */
export interface Output<T> {
  readonly words: Words;
  write(sandbox: Sandbox, args: readonly Word[], at: number, value: T): void;
  /** May report a refusal through the out-pointers, and say what the call returns instead. */
  refused?(
    sandbox: Sandbox,
    args: readonly Word[],
    at: number,
    error: unknown,
  ): number | undefined;
}

/** What a list of inputs decodes to. */
export type Values<I extends readonly Input<unknown>[]> = {
  [K in keyof I]: I[K] extends Input<infer T> ? T : never;
};

/** What the guest calls. */
export type BoundHostcall = (...args: Word[]) => number | Promise<number>;

/** A hostcall as data: its wire shape, and what it does. */
export interface Hostcall {
  readonly words: Words;
  /** Whether the guest may be suspended in it. */
  readonly suspends: boolean;
  /** Whether it reads or writes the guest's memory. */
  readonly needsMemory: boolean;
  /** What it does, below its spelling: takes what its inputs decode to, and answers what its output encodes. */
  readonly run: (sandbox: Sandbox, ...values: never[]) => unknown;
  /** Makes the function for the sandboxes that take this seat, one after another. */
  bind(context: InstanceContext): BoundHostcall;
}

/** One import module. */
export interface Namespace {
  readonly name: string;
  readonly calls: Readonly<Record<string, Hostcall>>;
}

/** Names a set of hostcalls as the guest imports them. */
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

/** The two ways to declare a hostcall. */
export interface HostcallDeclarers {
  /** Declares a hostcall that answers at once. */
  readonly call: Declare<"now">;
  /** Declares a hostcall that may wait: the guest is suspended while its promise is not settled. */
  readonly wait: Declare<"later">;
}

/** @param answer The number that an error becomes; it is asked for refusals and for bugs of the host alike. */
export function hostcallDeclarers(answer: (error: unknown) => number): HostcallDeclarers {
  const declare = (suspends: boolean): Declare<"later"> => (inputs, output, run) => {
    const { words, end } = shape(inputs, output);
    const invoke = invoker(inputs, run);
    const refused = (sandbox: Sandbox, args: Word[], error: unknown): number => {
      if (error instanceof Stop) {
        sandbox.execution.stop(error);
        throw error;
      }
      if (!(error instanceof HostError)) reportBug(sandbox, error);
      else if (error.limit) sandbox.requests.quota.note(error);
      return output.refused?.(sandbox, args, end, error) ?? answer(error);
    };
    return {
      words,
      suspends,
      run: run as Hostcall["run"],
      needsMemory: output.words.length > 0 ||
        inputs.some(({ words, points }) => points || words.length > 1),
      bind: (context) => (...args) => {
        const { sandbox } = context;
        sandbox.requests.metrics.hostcalls++;
        sandbox.execution.checkStopped();
        try {
          const result = invoke(sandbox, args);
          if (!(result instanceof Promise)) {
            output.write(sandbox, args, end, result);
            return 0;
          }
          if (!suspends) throw new TypeError("Cannot wait in a call: declare it with wait()");
          return sandbox.execution.suspend(result).then((value) => {
            output.write(sandbox, args, end, value);
            return 0;
          }).catch((error) => refused(sandbox, args, error));
        } catch (error) {
          return refused(sandbox, args, error);
        }
      },
    };
  };
  return { call: declare(false), wait: declare(true) } as HostcallDeclarers;
}

export const { call, wait }: HostcallDeclarers = hostcallDeclarers(statusOf);

function reportBug(sandbox: Sandbox, error: unknown): void {
  sandbox.service.report(
    "error",
    `A hostcall failed: ${describe(error)}`,
    sandbox.requests.current.id,
  );
}

function shape(inputs: readonly Input<unknown>[], { words }: Output<never>) {
  const taken = inputs.flatMap((input) => input.words);
  return { end: taken.length, words: [...taken, ...words] };
}

/** Makes a function that reads the inputs and runs the call with them: most have few, which need no list of values. */
function invoker<const I extends readonly Input<unknown>[], R>(
  inputs: I,
  run: (sandbox: Sandbox, ...values: Values<I>) => R,
): (sandbox: Sandbox, args: Word[]) => R {
  const call = run as (sandbox: Sandbox, ...values: unknown[]) => R;
  const [a, b, c] = inputs as readonly Input<unknown>[];
  const second = a?.words.length ?? 0;
  const third = second + (b?.words.length ?? 0);
  // Only what is read before another input may have to be let go of.
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
  for (const { words } of inputs) {
    starts.push(end);
    end += words.length;
  }
  return (sandbox: Sandbox, args: Word[]): unknown[] => {
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
