import { moduleOf, STACK_MODULE } from "./embedded.ts";
import { hostFunction } from "./host_function.ts";
import { js, promising, suspending } from "./jspi.ts";

/** Name of the loop's function in the stack trace of a trap. */
export const LOOP = "fastlike.loop";

const MODULE = moduleOf(STACK_MODULE);

/**
 * State of a suspended loop. V8 keeps it alive while the loop is suspended, so it must not refer to the instance between
 * two runs; else no instance would ever be collected.
 */
interface Turn {
  begin: (() => void) | undefined;
  run: PromiseWithResolvers<void> | undefined;
  /** Resumes the loop: it runs `start` next, or ends if that is `null`. */
  resume: (start: CallableFunction | null) => void;
  over: boolean;
  /** Ends the loop when its {@linkcode GuestStack} has been collected. */
  readonly unused: FinalizationRegistry<undefined>;
}

/**
 * Stack of one instance, on which its guest runs again and again. Between runs it stays suspended, until it is ended.
 * Without it, each run leaves some 400 bytes in V8's old generation, and V8 allocates stacks anew for more than four guests
 * that are suspended at a time (bench/stacks.ts).
 */
export class GuestStack {
  readonly #start: CallableFunction;
  readonly #turn: Turn;

  /** @throws {WebAssembly.LinkError} If the function has parameters or a result. */
  constructor(start: CallableFunction) {
    this.#start = start;
    this.#turn = suspendedLoop(start);
    this.#turn.unused.register(this, undefined);
  }

  /** Whether the loop has ended for good: by {@linkcode GuestStack.end}, or because a run has trapped. */
  get over(): boolean {
    return this.#turn.over;
  }

  /** Runs the guest; see {@linkcode InstanceSlot.run}. */
  run(begin: () => void): Promise<void> {
    const turn = this.#turn;
    turn.begin = begin;
    turn.run = Promise.withResolvers();
    const { promise } = turn.run;
    turn.resume(this.#start);
    return promise;
  }

  /** Ends the loop and frees the stack. */
  end(): void {
    end(this.#turn);
  }
}

function suspendedLoop(start: CallableFunction): Turn {
  hostFunction(start); // throws if it has parameters or a result
  const turn: Turn = {
    begin: undefined,
    run: undefined,
    resume() {},
    over: false,
    unused: new FinalizationRegistry(() => end(turn)),
  };
  const next = () => {
    turn.run?.resolve();
    turn.begin = turn.run = undefined;
    const { promise, resolve } = Promise.withResolvers<CallableFunction | null>();
    turn.resume = resolve;
    promise.then(() => turn.begin?.()); // runs right before the guest does (bench/resume_order.ts)
    return promise;
  };
  const failed = (error: unknown) => turn.run?.reject(error);
  const { exports } = new WebAssembly.Instance(MODULE, {
    "": { next: suspending(next), failed, js },
  });
  promising(exports.run as CallableFunction)().catch((error) => {
    turn.over = true;
    failed(error);
  });
  return turn;
}

function end(turn: Turn): void {
  if (turn.over) return;
  turn.over = true;
  turn.resume(null);
}
