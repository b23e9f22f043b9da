import { Id, Writer } from "./rewrite/binary.ts";
import { Op } from "./rewrite/instructions.ts";
import { js, promising, suspending } from "./jspi.ts";

/** V8 keeps so many stacks for the next guests that can be suspended; any other is made and thrown away with its guest. */
export const KEPT_BY_V8 = 4;
/** What traps call the function that runs the guest. */
export const LOOP = "fastlike.loop";

const EXTERN = 0x6f;
const NONE = 0x40;
const MAGIC = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const FUNCTION = 0x60;
const [ACTS, TELLS, FAILS, TAKES] = [0, 1, 2, 3];
const [NEXT, FAILED, OWN, FITS] = [0, 1, 2, 3];
const [AS_FUNCTION, AS_TAG] = [0, 4];
const START = [0x63, ACTS]; // (ref null $acts)

/**
 * The guest's start is in a table while it runs, and nowhere else: V8 notes for long what `call_ref` has called.
 *
 * ```wat
 * (block $over
 *   (loop $again
 *     (block $returned
 *       (call $failed (block $thrown (result externref)
 *         (try_table (catch $js $thrown)
 *           (table.set (i32.const 0) (ref.null $acts))
 *           (table.set (i32.const 0) (call $next))
 *           (br_if $over (ref.is_null (table.get (i32.const 0))))
 *           (call_indirect (type $acts) (i32.const 0)))
 *         (br $returned))))
 *     (br $again)))
 * ```
 */
function loopModule(): Uint8Array<ArrayBuffer> {
  const w = new Writer().byte(...MAGIC);
  w.byte(Id.type).sized((w) => {
    w.byte(4, FUNCTION, 0, 0, FUNCTION, 0, 1, ...START);
    w.byte(FUNCTION, 1, EXTERN, 0, FUNCTION, 1, ...START, 0);
  });
  w.byte(Id.import).sized((w) => {
    w.byte(3).name("").name("next").byte(AS_FUNCTION, TELLS);
    w.name("").name("failed").byte(AS_FUNCTION, FAILS);
    w.name("").name("js").byte(AS_TAG, 0, FAILS);
  });
  w.byte(Id.function).sized((w) => w.byte(2, ACTS, TAKES));
  w.byte(Id.table).sized((w) => w.byte(1, ...START, 0, 1));
  w.byte(Id.export).sized((w) => w.byte(2).name("run").byte(0, OWN).name("fits").byte(0, FITS));
  const at = [Op.i32Const, 0];
  const forget = [...at, Op.refNull, ACTS, Op.tableSet, 0];
  const hear = [...at, Op.call, NEXT, Op.tableSet, 0];
  const leave = [...at, Op.tableGet, 0, Op.refIsNull, Op.branchIf, 4];
  const act = [...at, Op.callIndirect, ACTS, 0];
  const steps = [...forget, ...hear, ...leave, ...act];
  const tried = [Op.tryTable, NONE, 1, 0, 0, 0, ...steps, Op.end, Op.branch, 1];
  const thrown = [Op.block, EXTERN, ...tried, Op.end, Op.call, FAILED];
  const round = [Op.block, NONE, ...thrown, Op.end, Op.branch, 0];
  const body = [Op.block, NONE, Op.loop, NONE, ...round, Op.end, Op.end, Op.end];
  w.byte(Id.code).sized((w) => w.byte(2).sized((w) => w.byte(0, ...body)).byte(2, 0, Op.end));
  w.byte(0).sized((w) => w.name("name").byte(1).sized((w) => w.byte(1, OWN).name(LOOP)));
  return w.take();
}

const MODULE = new WebAssembly.Module(loopModule());

/** What a stack knows of the guest: as long as it is suspended V8 keeps it, and that is nothing between two runs. */
interface Turn {
  begin: (() => void) | undefined;
  run: PromiseWithResolvers<void> | undefined;
  /** Gives it what to run next; with `null` it ends. */
  resume: (start: CallableFunction | null) => void;
  over: boolean;
  /** Ends it if nobody can use it any more. */
  readonly unused: FinalizationRegistry<undefined>;
}

/** A stack of the guest's own, on which it runs again and again: it is suspended between its runs, until it is ended. */
export class GuestStack {
  readonly #start: CallableFunction;
  readonly #turn: Turn;

  /** @throws {TypeError} If the function takes or answers anything. */
  constructor(start: CallableFunction) {
    this.#start = start;
    this.#turn = suspendedLoop(start);
    this.#turn.unused.register(this, undefined);
  }

  /** Whether a run has trapped, which leaves nothing to return to: what a hostcall throws does. */
  get over(): boolean {
    return this.#turn.over;
  }

  /** As of a {@linkcode InstanceSlot}. */
  run(begin: () => void): Promise<void> {
    const turn = this.#turn;
    turn.begin = begin;
    turn.run = Promise.withResolvers();
    const { promise } = turn.run;
    turn.resume(this.#start);
    return promise;
  }

  /** There is no next run. */
  end(): void {
    end(this.#turn);
  }
}

function suspendedLoop(start: CallableFunction): Turn {
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
    promise.then(() => turn.begin?.()); // the guest is the second that looks at it
    return promise;
  };
  const failed = (error: unknown) => turn.run?.reject(error);
  const { exports } = new WebAssembly.Instance(MODULE, {
    "": { next: suspending(next), failed, js },
  });
  (exports.fits as CallableFunction)(start);
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
