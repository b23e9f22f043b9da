import { moduleOf, STACK_MODULE } from "./embedded.ts";
import { hostFunction } from "./host_function.ts";
import { js, promising, suspending } from "./jspi.ts";

/** Number of stacks for suspended guests that V8 keeps for the next ones; it makes any further one anew for each run
 * (bench/stacks.ts). */
export const KEPT_BY_V8 = 4;
/** Name of the function that runs the guest, in the stack of a trap. */
export const LOOP = "fastlike.loop";

const MODULE = moduleOf(STACK_MODULE);

/** What a suspended loop refers to. V8 keeps it while the loop is suspended, so it refers to no guest between two runs. */
interface Turn {
  begin: (() => void) | undefined;
  run: PromiseWithResolvers<void> | undefined;
  /** Has the loop run `start` next, or end with `null`. */
  resume: (start: CallableFunction | null) => void;
  over: boolean;
  /** Ends the loop when its {@linkcode GuestStack} has been collected. */
  readonly unused: FinalizationRegistry<undefined>;
}

/** Stack of one instance, on which its guest runs again and again. It stays suspended between runs, until it is ended. */
export class GuestStack {
  readonly #start: CallableFunction;
  readonly #turn: Turn;

  /** @throws {WebAssembly.LinkError} If the function takes or returns something. */
  constructor(start: CallableFunction) {
    this.#start = start;
    this.#turn = suspendedLoop(start);
    this.#turn.unused.register(this, undefined);
  }

  /** Whether the loop has ended, for good: by {@linkcode GuestStack.end}, or because a run has trapped. */
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

  /** Ends the loop: there is no next run. */
  end(): void {
    end(this.#turn);
  }
}

function suspendedLoop(start: CallableFunction): Turn {
  hostFunction(start); // throws if it takes or returns something
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
    promise.then(() => turn.begin?.()); // runs right before the guest goes on (bench/resume_order.ts)
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
