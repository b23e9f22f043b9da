import { ProcessorClock } from "./processor_clock.ts";

/** A signal at which a guest that does not pause is stopped. */
export type StopSignal = "SIGINT" | "SIGTERM";

/** What a {@linkcode Watchdog} needs to know. */
export interface WatchdogOptions {
  /** Milliseconds that guests may run, if none says otherwise. */
  readonly cpuTime: number;
  readonly signals: readonly StopSignal[];
  /** Called with what it cannot do. */
  readonly warn: (message: string) => void;
}

/** A guest that runs, or is about to. */
export interface Runner {
  /** Its time is another's now. */
  leave(): void;
}

/** Why a guest was stopped while it ran: its time is up, or a signal has come that has this number. */
export type Interruption = "time" | number;

/** Words of the memory that the guests' code, this thread and the watchdog's share. */
const Word = {
  /**
   * What the code looks at: at 0 it calls {@linkcode Watchdog.mayGoOn}. {@linkcode NOBODY} while no guest runs, else the
   * number of the stretch.
   */
  run: 0,
  /** Milliseconds of the wall clock after which the first word becomes 0. */
  left: 1,
  /** Why the watchdog has stopped it: 0 if its time is up, else the number of a signal. */
  reason: 2,
  /** 1 while the watchdog sleeps: it is woken when a guest runs. */
  asleep: 3,
} as const;
/**
 * The word that the guests' code sets to 1 when the limit on memory has refused it growth. Not among those that the
 * watchdog's thread knows.
 */
export const REFUSED_WORD = 15;
const NOBODY = 1;
const MOST = 2 ** 31 - 1;

const NUMBERS: Readonly<Record<StopSignal, number>> = { SIGINT: 2, SIGTERM: 15 };

/** How often a guest that runs is looked at, in milliseconds: at the most, at the least, and per limit. */
const TICK = { most: 20, least: 5, perLimit: 8 };
/** How long a guest may go on after a signal: who hears it on this thread has first say. */
const SIGNAL_GRACE = 300;

/**
 * Stops the guest that runs when its time is up: on a thread of its own, for this one can do nothing meanwhile. All
 * guests of a service share it, as only one of them runs at a time.
 */
export class Watchdog implements Disposable {
  readonly #options: WatchdogOptions;
  #memory: WebAssembly.Memory | undefined;
  #words: Int32Array<SharedArrayBuffer> | undefined;
  #worker: Worker | undefined;
  readonly #clock = new ProcessorClock();
  #runner: Runner | undefined;
  #stretch = NOBODY;
  /** Milliseconds of processor time that the stretch may take. */
  #left = 0;
  /** Whether what was left when the watchdog was last armed is so little that the wall clock decides. */
  #last = false;
  /** Whether the guest that runs has been stopped by others than the watchdog. */
  #condemned = false;
  /** Whether the guest that runs has been told to end. */
  #refused = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  /** Whether there is anything to stop guests for. */
  get needed(): boolean {
    return this.#options.cpuTime < Infinity || this.#options.signals.length > 0;
  }

  /** What guests look at to see whether they may go on. */
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
   * Starts its thread, which does not keep the process alive. Without threads guests run on for as long as they like.
   * Resolves when it hears signals, if there are any to hear: time that is up it finds whenever it comes.
   */
  async start(): Promise<void> {
    if (this.#worker || !this.needed) return;
    const { cpuTime, signals } = this.#options;
    const { promise: ready, resolve } = Promise.withResolvers<void>();
    const tick = Math.min(TICK.most, Math.max(TICK.least, cpuTime / TICK.perLimit));
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
      release(worker);
    } catch (error) {
      this.#warn(error instanceof Error ? error.message : String(error));
    }
  }

  #warn(reason: string): void {
    this.#options.warn(`The limit cpu_time does not hold: no thread can watch it (${reason})`);
  }

  /**
   * A guest is about to run, on this thread and next: whoever ran before does not any more.
   *
   * @param left Milliseconds of processor time that it may take; with 0 it ends at its next loop or call.
   */
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
    // A reading early on tells later ones when the stretch began.
    else this.#arm(words, Math.min(left, ProcessorClock.mostByWall), left);
  }

  /** Has the watchdog speak up after so many milliseconds of the wall clock. */
  #arm(words: Int32Array<SharedArrayBuffer>, millis: number, left: number): void {
    this.#last = left <= ProcessorClock.mostByWall;
    this.#stretch = this.#stretch < MOST ? this.#stretch + 1 : NOBODY + 1;
    words[Word.left] = Math.min(millis, MOST);
    Atomics.store(words, Word.run, this.#stretch);
    if (Atomics.load(words, Word.asleep)) this.#wake(words);
  }

  /** Milliseconds of processor time that the guest that runs has taken since it was entered. */
  get spent(): number {
    return this.#clock.spent;
  }

  /** The same by the wall clock, in which nothing else could happen. */
  get held(): number {
    return this.#clock.wall;
  }

  /**
   * Whether the guest that runs may go on. Its code asks when the first word is 0, its hostcalls ask each time: where its
   * processor time is not used up, the watchdog is armed anew.
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

  /** Why {@linkcode Watchdog.mayGoOn} has said no. */
  get interruption(): Interruption {
    return this.#words?.[Word.reason] || "time";
  }

  /** Stops the guest if it runs: it ends at its next loop, call or hostcall, whatever it catches. */
  condemn(runner: Runner): void {
    if (this.#runner !== runner || !this.#words) return;
    this.#condemned = true;
    Atomics.store(this.#words, Word.run, 0);
  }

  #wake(words: Int32Array<SharedArrayBuffer>): void {
    Atomics.store(words, Word.asleep, 0);
    Atomics.notify(words, Word.asleep);
  }

  /** The guest has paused or ended; answers why it was stopped, if it was. */
  leave(runner: Runner): Interruption | undefined {
    if (this.#runner !== runner) return undefined;
    this.#runner = undefined;
    const words = this.#words;
    if (!words || Atomics.exchange(words, Word.run, NOBODY) || this.#condemned) return undefined;
    return words[Word.reason] || (this.#refused ? "time" : undefined);
  }

  /** Whether the limit on memory has refused growth since the last call. */
  takeRefusal(): boolean {
    const words = this.#words;
    if (!words?.[REFUSED_WORD]) return false;
    words[REFUSED_WORD] = 0;
    return true;
  }

  [Symbol.dispose](): void {
    this.#worker?.terminate();
    this.#worker = undefined;
  }
}

/** What the thread is told. */
interface Task {
  readonly memory: WebAssembly.Memory;
  readonly word: typeof Word;
  readonly tick: number;
  readonly grace: number;
  readonly signals: readonly (readonly [StopSignal, number])[];
}

/** The thread. It is made from this function's text, so that it needs no file; nothing outside it is there. */
function watch(): void {
  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const work = async ({ memory, word, tick, grace, signals }: Task): Promise<void> => {
    const words = new Int32Array(memory.buffer as unknown as SharedArrayBuffer);
    /** Stops a stretch, unless it is over. */
    const stop = (stretch: number, reason: number) => {
      Atomics.store(words, word.reason, reason);
      Atomics.compareExchange(words, word.run, stretch, 0);
    };
    const onSignal = async (number: number) => {
      let before = Atomics.load(words, word.run);
      for (let looks = 3; looks > 0; looks--) {
        await sleep(grace);
        const stretch = Atomics.load(words, word.run);
        if (stretch > 1 && stretch === before) return stop(stretch, number);
        before = stretch;
      }
    };
    for (const [name, number] of signals) Deno.addSignalListener(name, () => onSignal(number));
    (globalThis as unknown as Worker).postMessage("ready");
    let seen = 0;
    let since = 0;
    for (;;) {
      const stretch = Atomics.load(words, word.run);
      const now = performance.now();
      if (stretch !== seen) {
        seen = stretch;
        since = now;
      } else if (stretch > 1 && now - since >= Atomics.load(words, word.left)) stop(stretch, 0);
      await sleep(tick);
      Atomics.store(words, word.asleep, 1);
      if (Atomics.load(words, word.run) <= 1) {
        await Atomics.waitAsync(words, word.asleep, 1).value;
      }
      Atomics.store(words, word.asleep, 0);
    }
  };
  addEventListener("message", (event) => void work((event as MessageEvent<Task>).data));
}

const SOURCE = `data:text/javascript,${encodeURIComponent(`(${watch})()`)}`;

/**
 * Lets the process end while the thread is there. Deno has that for its `node:worker_threads` only, behind a symbol
 * without a name; where there is none, the process ends once the service is disposed of.
 */
function release(worker: Worker): void {
  for (const key of Object.getOwnPropertySymbols(Worker.prototype)) {
    const member = (worker as unknown as Record<symbol, unknown>)[key];
    if (key.description === undefined && typeof member === "function") member.call(worker, false);
  }
}
