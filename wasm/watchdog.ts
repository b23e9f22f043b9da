import type { StopSignal } from "../service/options.ts";
import type { Interruption, Runner, RunWatch } from "../service/util/run_watch.ts";
import { unrefWorker } from "../service/util/node_internals.ts";
import { WATCHDOG_THREAD } from "./embedded.ts";
import { ProcessorClock } from "./processor_clock.ts";
import { REFUSED_WORD } from "./rewrite/control.ts";
import { messageOf } from "../service/errors.ts";

/** Options of a {@linkcode Watchdog}. */
interface WatchdogOptions {
  /** Limit on a guest's processor time for one request, in milliseconds; `Infinity` for no limit. */
  readonly cpuTime: number;
  /** Signals at which a guest that does not pause is stopped. */
  readonly signals: readonly StopSignal[];
  /** Called with a message if the limit does not hold. */
  readonly warn: (message: string) => void;
}

/**
 * Words of the memory that all guests, the main thread and the watchdog's thread share. A stretch is the time from the
 * moment a guest starts or resumes until it waits or ends; at most one is under way.
 *
 * | word      | value                            | main thread writes           | thread writes               | guest's code  |
 * | --------- | -------------------------------- | ---------------------------- | --------------------------- | ------------- |
 * | `run`     | 0: stop or ask; 1: nobody runs;  | the number, at the start and | 0, by compare-and-exchange  | reads it; at 0 |
 * |           | above: the stretch's number      | when time is left; 1 at its  | with the number: never into | calls          |
 * |           |                                  | end; 0 to condemn a guest    | a later stretch             | `mayGoOn`      |
 * | `left`    | milliseconds of the wall clock   | before `run`                 | reads it                    |               |
 * |           | until `run` becomes 0            |                              |                             |               |
 * | `reason`  | 0: time; else a signal's number  | reads it after `run` is 0    | before `run`                |               |
 * | `asleep`  | 1 while the thread sleeps until  | 0, and notifies, after `run` | 1 before it looks at `run`  |               |
 * |           | a guest runs                     |                              | for the last time           |               |
 * | `REFUSED` | 1: the limit refused growth      | 0 when it has noted that     |                             | writes 1      |
 *
 * The thread does not decide that time is up: it sets `run` to 0 by the wall clock, and `mayGoOn` on the main thread
 * compares processor time, and arms the word again with the time that is left.
 */
const Word = { run: 0, left: 1, reason: 2, asleep: 3 } as const;
const NOBODY = 1;
/** Largest number of a word. */
const MAX_WORD = 2 ** 31 - 1;

const NUMBERS: Readonly<Record<StopSignal, number>> = { SIGINT: 2, SIGTERM: 15 };

/** Milliseconds between two checks of the thread: an eighth of the limit, within bounds. */
const TICK = { max: 20, min: 5, perLimit: 8 };
/** Milliseconds that a guest may run on after a signal, so that a listener on the main thread can act first. */
const SIGNAL_GRACE = 300;

/**
 * Stops a running guest when its time is up, by a thread of its own, since the main thread is busy with the guest. All
 * guests of a service share one watchdog, as only one of them runs at a time.
 */
export class Watchdog implements RunWatch, Disposable {
  readonly #options: WatchdogOptions;
  #memory: WebAssembly.Memory | undefined;
  #words: Int32Array<SharedArrayBuffer> | undefined;
  #worker: Worker | undefined;
  #started: Promise<void> | undefined;
  #failed = false;
  #users = 1;
  readonly #clock = new ProcessorClock();
  #runner: Runner | undefined;
  #stretch = NOBODY;
  /** Milliseconds of processor time left when the stretch began. */
  #left = 0;
  /** Whether the time left when the word was last armed was so short that the wall clock decides. */
  #last = false;
  /** Whether the guest was stopped by {@linkcode Watchdog.condemn}, or had no time left when it was entered. */
  #condemned = false;
  /** Whether {@linkcode Watchdog.mayGoOn} has returned false in this stretch. */
  #refused = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  /** Whether there is a limit or a signal to stop guests for. */
  get needed(): boolean {
    return this.#options.cpuTime < Infinity || this.#options.signals.length > 0;
  }

  /** Whether it watches as another one with these options would, so that a reload need not start a thread. */
  watchesFor({ cpuTime, signals }: Pick<WatchdogOptions, "cpuTime" | "signals">): boolean {
    const own = this.#options;
    return !this.#failed && cpuTime === own.cpuTime && signals.join() === own.signals.join();
  }

  /** Adds a user, so that it has to be disposed of once more. */
  share(): this {
    this.#users++;
    return this;
  }

  /** Shared memory, whose first word tells rewritten code whether it may go on. */
  get memory(): WebAssembly.Memory {
    return this.#memory ??= this.#makeMemory();
  }

  #makeMemory(): WebAssembly.Memory {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    this.#words = new Int32Array(memory.buffer as unknown as SharedArrayBuffer);
    this.#words[Word.run] = NOBODY;
    return memory;
  }

  /**
   * Starts the thread, which does not keep the process alive. If no thread can be started, a warning is reported and the
   * limit does not hold.
   *
   * @returns A promise that resolves when the thread listens to the signals. Without signals it resolves at once, since a
   *   thread that starts late still finds a stretch whose time is up.
   */
  start(): Promise<void> {
    return this.#started ??= this.#start();
  }

  async #start(): Promise<void> {
    if (!this.needed) return;
    const { cpuTime, signals } = this.#options;
    const { promise: ready, resolve } = Promise.withResolvers<void>();
    const tick = Math.min(TICK.max, Math.max(TICK.min, cpuTime / TICK.perLimit));
    try {
      const worker = this.#worker = new Worker(SOURCE, { type: "module", name: "watchdog" });
      worker.onerror = (event) => {
        event.preventDefault();
        this.#warn(event.message);
        resolve();
      };
      worker.onmessage = () => resolve();
      worker.postMessage({
        memory: this.memory,
        word: Word,
        tick,
        grace: SIGNAL_GRACE,
        signals: signals.map((name) => [name, NUMBERS[name]]),
      });
      if (signals.length) await ready;
      unrefWorker(worker);
    } catch (error) {
      this.#warn(messageOf(error));
    }
  }

  #warn(reason: string): void {
    this.#failed = true;
    this.#options.warn(`The limit cpu_time does not hold: no thread can watch it (${reason})`);
  }

  /** Begins a stretch, right before the guest runs on this thread; see {@linkcode RunWatch.enter}. */
  enter(runner: Runner, left: number): void {
    if (this.#runner !== runner) this.#runner?.leave();
    this.#runner = runner;
    this.#clock.start();
    const words = this.#words;
    if (!words) return;
    this.#refused = false;
    this.#condemned = left <= 0;
    this.#left = left;
    if (this.#condemned) Atomics.store(words, Word.run, 0);
    // An early reading of the processor clock gives later ones the start of the stretch.
    else this.#arm(words, Math.min(left, ProcessorClock.maxByWall), left);
  }

  /** Makes the thread set `run` to 0 after `millis` of wall-clock time. `left` is the processor time that remains. */
  #arm(words: Int32Array<SharedArrayBuffer>, millis: number, left: number): void {
    this.#last = left <= ProcessorClock.maxByWall;
    this.#stretch = this.#stretch < MAX_WORD ? this.#stretch + 1 : NOBODY + 1;
    // A word has no fraction, and a stretch that ends a moment early would be asked about once more.
    words[Word.left] = Math.ceil(Math.min(millis, MAX_WORD));
    Atomics.store(words, Word.run, this.#stretch);
    if (Atomics.load(words, Word.asleep)) this.#wake(words);
  }

  get spent(): number {
    return this.#clock.spent;
  }

  get elapsed(): number {
    return this.#clock.wall;
  }

  /**
   * Tells whether the running guest may go on. Its code asks when `run` is 0; its hostcalls ask each time. If processor
   * time is left, the thread is armed again.
   */
  readonly mayGoOn = (): boolean => {
    const words = this.#words;
    if (!words || Atomics.load(words, Word.run)) return true;
    if (!this.#condemned && !words[Word.reason] && !this.#last) {
      const left = this.#left - this.#clock.read();
      if (left > 0) {
        this.#arm(words, left, left);
        return true;
      }
    }
    this.#refused = true;
    return false;
  };

  get interruption(): Interruption {
    return this.#words?.[Word.reason] || "time";
  }

  condemn(runner: Runner): void {
    if (this.#runner !== runner || !this.#words) return;
    this.#condemned = true;
    Atomics.store(this.#words, Word.run, 0);
  }

  #wake(words: Int32Array<SharedArrayBuffer>): void {
    Atomics.store(words, Word.asleep, 0);
    Atomics.notify(words, Word.asleep);
  }

  leave(runner: Runner): Interruption | undefined {
    if (this.#runner !== runner) return undefined;
    this.#runner = undefined;
    const words = this.#words;
    if (!words || Atomics.exchange(words, Word.run, NOBODY) || this.#condemned) return undefined;
    return words[Word.reason] || (this.#refused ? "time" : undefined);
  }

  takeRefusal(): boolean {
    const words = this.#words;
    if (!words?.[REFUSED_WORD]) return false;
    words[REFUSED_WORD] = 0;
    return true;
  }

  /** Ends the thread, if no other user is left. */
  [Symbol.dispose](): void {
    if (--this.#users) return;
    this.#worker?.terminate();
    this.#worker = undefined;
  }
}

const SOURCE = `data:text/javascript,${encodeURIComponent(WATCHDOG_THREAD)}`;
