import { Id, Writer } from "./binary.ts";
import { Op } from "./instructions.ts";
import { promising, suspending } from "./jspi.ts";

/** V8 keeps so many stacks for the next guests that can be suspended; any other is made and thrown away with its guest. */
export const KEPT_BY_V8 = 4;
/** What traps call the function that runs the guest. */
export const LOOP = "fastlike.loop";

const I32 = 0x7f;
const NONE = 0x40;
const MAGIC = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const [NEXT, START, OWN] = [0, 1, 2];

/** `(if (call $next) (then (loop (call $start) (br_if 0 (call $next)))))` */
function loopModule(): Uint8Array<ArrayBuffer> {
  const w = new Writer().byte(...MAGIC);
  w.byte(Id.type).sized((w) => w.byte(2, 0x60, 0, 1, I32, 0x60, 0, 0));
  w.byte(Id.import).sized((w) =>
    w.byte(2).name("").name("next").byte(0, 0).name("").name("start").byte(0, 1)
  );
  w.byte(Id.function).sized((w) => w.byte(1, 1));
  w.byte(Id.export).sized((w) => w.byte(1).name("run").byte(0, OWN));
  const round = [Op.loop, NONE, Op.call, START, Op.call, NEXT, Op.branchIf, 0, Op.end];
  const body = [Op.call, NEXT, Op.if, NONE, ...round, Op.end, Op.end];
  w.byte(Id.code).sized((w) => w.byte(1).sized((w) => w.byte(0, ...body)));
  w.byte(0).sized((w) => w.name("name").byte(1).sized((w) => w.byte(1, OWN).name(LOOP)));
  return w.take();
}

const MODULE = loopModule();

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
    const module = new WebAssembly.Module(MODULE);
    const imports = { "": { next: suspending(next), start: start as WebAssembly.ImportValue } };
    const { exports } = new WebAssembly.Instance(module, imports);
    promising(exports.run as CallableFunction)().catch((error) => {
      this.#over = true;
      this.#run!.reject(error);
    });
  }

  /** Whether a run has ended in a way that leaves nothing to return to. */
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
