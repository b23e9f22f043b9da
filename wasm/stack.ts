import { Id, Writer } from "./binary.ts";
import { Op } from "./instructions.ts";
import { js, promising, suspending } from "./jspi.ts";

/** V8 keeps so many stacks for the next guests that can be suspended; any other is made and thrown away with its guest. */
export const KEPT_BY_V8 = 4;
/** What traps call the function that runs the guest. */
export const LOOP = "fastlike.loop";

const I32 = 0x7f;
const EXTERN = 0x6f;
const NONE = 0x40;
const MAGIC = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const [TELLS, ACTS, FAILS] = [0, 1, 2];
const [NEXT, START, FAILED, OWN] = [0, 1, 2, 3];
const [AS_FUNCTION, AS_TAG] = [0, 4];

/**
 * ```wat
 * (loop $again
 *   (if (call $next) (then
 *     (block $returned
 *       (call $failed (block $thrown (result externref)
 *         (try_table (catch $js $thrown) (call $start))
 *         (br $returned))))
 *     (br $again))))
 * ```
 */
function loopModule(): Uint8Array<ArrayBuffer> {
  const w = new Writer().byte(...MAGIC);
  w.byte(Id.type).sized((w) => w.byte(3, 0x60, 0, 1, I32, 0x60, 0, 0, 0x60, 1, EXTERN, 0));
  w.byte(Id.import).sized((w) => {
    w.byte(4).name("").name("next").byte(AS_FUNCTION, TELLS);
    w.name("").name("start").byte(AS_FUNCTION, ACTS);
    w.name("").name("failed").byte(AS_FUNCTION, FAILS);
    w.name("").name("js").byte(AS_TAG, 0, FAILS);
  });
  w.byte(Id.function).sized((w) => w.byte(1, ACTS));
  w.byte(Id.export).sized((w) => w.byte(1).name("run").byte(0, OWN));
  const tried = [Op.tryTable, NONE, 1, 0, 0, 0, Op.call, START, Op.end, Op.branch, 1];
  const thrown = [Op.block, EXTERN, ...tried, Op.end, Op.call, FAILED];
  const round = [Op.block, NONE, ...thrown, Op.end, Op.branch, 1];
  const body = [Op.loop, NONE, Op.call, NEXT, Op.if, NONE, ...round, Op.end, Op.end, Op.end];
  w.byte(Id.code).sized((w) => w.byte(1).sized((w) => w.byte(0, ...body)));
  w.byte(0).sized((w) => w.name("name").byte(1).sized((w) => w.byte(1, OWN).name(LOOP)));
  return w.take();
}

const MODULE = new WebAssembly.Module(loopModule());

/**
 * A stack of the guest's own, on which it runs again and again: it is suspended between its runs. As long as it is, V8
 * keeps it and all that is on it: it has to be ended.
 */
export class GuestStack {
  #begin: (() => void) | undefined;
  #resume!: (more: 0 | 1) => void;
  #run: PromiseWithResolvers<void> | undefined;
  #over = false;

  constructor(start: CallableFunction) {
    const next = () => {
      this.#run?.resolve();
      const { promise, resolve } = Promise.withResolvers<0 | 1>();
      this.#resume = resolve;
      promise.then(() => this.#begin?.()); // the guest is the second that looks at it
      return promise;
    };
    const failed = (error: unknown) => this.#run!.reject(error);
    const parts = { next: suspending(next), start: start as WebAssembly.ImportValue, failed, js };
    const { exports } = new WebAssembly.Instance(MODULE, { "": parts });
    promising(exports.run as CallableFunction)().catch((error) => {
      this.#over = true;
      failed(error);
    });
  }

  /** Whether a run has trapped, which leaves nothing to return to: what a hostcall throws does. */
  get over(): boolean {
    return this.#over;
  }

  /** As of a {@linkcode Slot}. */
  run(begin: () => void): Promise<void> {
    this.#begin = begin;
    this.#run = Promise.withResolvers();
    this.#resume(1);
    return this.#run.promise;
  }

  /** There is no next run. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#begin = undefined;
    this.#resume(0);
  }
}
