import { firstLineOf, FramelessError } from "../../service/errors.ts";
import { PackageError } from "../package.ts";
import { type Argument, connect, type Link, type LinkOptions, type Reply } from "./link.ts";
import { StoreTimeout, within } from "./link.ts";
import { listOf, number, type Read } from "./replies.ts";
import type { Script } from "./script.ts";

/** Failure of a call to the store. It has no stack, since its message says which call has failed and why. */
export class StoreError extends FramelessError {
  override readonly name = "StoreError";
  /** Keeps callers from logging each failed call: the store logs one entry when it is gone, or for calls that it refuses. */
  readonly reported = true;
}

/** Settings of a {@linkcode Store}. */
interface StoreSettings extends Omit<LinkOptions, "lost" | "tell"> {
  /** Prefix of all keys. */
  readonly prefix: string;
  /** Adds an entry to the log. */
  readonly report: (level: "info" | "warning" | "error", message: string) => void;
}

/** Call to the store. */
interface Call {
  /** Description of the call, as it follows "Cannot" in messages. */
  readonly action: string;
  /** Whether a failure has no consequence, so that it is not logged. By default `false`. */
  readonly optional?: boolean;
  /** Whether it may be sent again: the store may or may not have executed a call whose connection was lost. */
  readonly again: boolean;
}

/** Errors of a server that cannot execute the call now, while another one can, or this one later. */
const ELSEWHERE = /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|UNBLOCKED)\b/;
/** Error of a Cluster that is moving the keys of a script to another node: nothing was executed. */
const MOVING = /^TRYAGAIN\b/;
/** Pause before a call whose keys are being moved is sent again, in milliseconds, and the time that it must have then. */
const MOVING_PAUSE = 20;
const MOVING_TIME = 100;
/** Errors of a server that refuses writes, since it is full, lacks replicas or cannot save its data. */
const NO_WRITES = /^(OOM|MISCONF|NOREPLICAS)\b/;
const NO_SCRIPT = /^NOSCRIPT\b/;
/** Time limit for opening a connection, in milliseconds. A call waits for it no longer than its own time limit. */
const CONNECTING = 5000;
/** Maximum number of different failures that are logged for one connection. */
const MAX_TOLD = 20;
/** Pause between two attempts to connect, in milliseconds: the first, and the maximum. */
const FIRST_PAUSE = 50;
const MAX_PAUSE = 1000;

/**
 * Store over Redis, which may be slow, gone or full. Each call has a time limit. After a timeout or a lost connection the
 * store counts as gone until a new connection has answered. Meanwhile calls that may be sent again wait, but not after the
 * store has been gone for longer than their time limit; all other calls fail at once. The log gets one entry when the store
 * is gone and one when it is back.
 */
export class Store {
  readonly prefix: string;
  /** Time limit of each call, in milliseconds. */
  readonly timeout: number;
  readonly #settings: StoreSettings;
  #link: Link | undefined;
  #back: PromiseWithResolvers<Link> | undefined;
  #goneSince = 0;
  /** Reason why the last connection was lost. It is that of the other calls on this connection, too. */
  #lostBy: unknown;
  #takesWrites = true;
  /** Failures on this connection that were logged. */
  readonly #told = new Set<string>();
  #clockAhead = 0;
  #closed = false;
  /** Functions to call when the store is back. */
  readonly returned = new Set<() => void>();

  private constructor(settings: StoreSettings) {
    this.#settings = settings;
    this.prefix = settings.prefix;
    this.timeout = settings.timeout;
  }

  /**
   * Connects to a store.
   *
   * @throws {Error} If the store cannot be reached; the message is one line.
   */
  static async open(settings: StoreSettings): Promise<Store> {
    const store = new Store(settings);
    try {
      store.#link = await store.#connect("");
    } catch (error) {
      const advice = error instanceof PackageError
        ? ""
        : ". Check that it runs there, and its password";
      throw new Error(
        `Cannot open the store ${settings.address.shown}: ${firstReason(error)}${advice}`,
        { cause: error },
      );
    }
    await store.#checkPolicy();
    return store;
  }

  /** Warns of a server that forgets entries instead of refusing them when it is full. */
  async #checkPolicy(): Promise<void> {
    const call = { action: "look at the store's settings", again: true, optional: true };
    const info = await this.command(call, ["INFO", "memory"], String).catch(() => "");
    const [, policy] = /^maxmemory_policy:(\S+)/m.exec(info) ?? [];
    if (policy === undefined || policy === "noeviction") return;
    const { shown } = this.#settings.address;
    const what = policy.startsWith("allkeys") ? "entries of KV stores, too" : "counts of rates";
    this.report(
      "warning",
      `The store ${shown} may forget ${what} when it is full: its maxmemory-policy is ${policy}, ` +
        "and noeviction forgets nothing",
    );
  }

  /** Whether the store has a connection on which all calls were answered in time. */
  get there(): boolean {
    return this.#link !== undefined;
  }

  /**
   * Difference between the store's clock and this host's, in milliseconds and rounded to seconds. Hosts that add it agree on
   * the current second.
   */
  get clockAhead(): number {
    return this.#clockAhead;
  }

  /** Adds an entry to the log. */
  report(level: "info" | "warning" | "error", message: string): void {
    this.#settings.report(level, message);
  }

  /**
   * Sends a command.
   *
   * @param read Reads the reply.
   * @throws {StoreError} If the store has not answered in time, with an error, or with what the command cannot return.
   */
  async command<T>(
    call: Call,
    args: readonly [string, Argument, ...Argument[]],
    read: Read<T>,
  ): Promise<T> {
    const reply = await this.#ask(call, args[1], (link) => link.send(args[1], args));
    return this.#read(call, reply, read);
  }

  /**
   * Runs a script.
   *
   * @param keys One or more keys of one slot.
   * @throws {StoreError} As {@linkcode Store.command} does.
   */
  async run<T>(
    call: Call,
    { source, digest, writes, read }: Script<T>,
    keys: readonly [Argument, ...Argument[]],
    args: readonly Argument[],
  ): Promise<T> {
    const rest = [`${keys.length}`, ...keys, ...args];
    const reply = await this.#ask(call, keys[0], async (link) => {
      try {
        return await link.send(keys[0], ["EVALSHA", digest, ...rest]);
      } catch (error) {
        if (!NO_SCRIPT.test((error as Error).message)) throw error;
        return await link.send(keys[0], ["EVAL", source, ...rest]);
      }
    });
    if (writes && !this.#takesWrites) {
      this.#takesWrites = true;
      this.report("info", `The store ${this.#settings.address.shown} takes writes again`);
    }
    return this.#read(call, reply, read);
  }

  #read<T>(call: Call, reply: Reply, read: Read<T>): T {
    try {
      return read(reply);
    } catch (error) {
      throw this.#refused(call, error);
    }
  }

  close(): void {
    this.#closed = true;
    this.#lostBy = new Error("it is closed");
    this.#link?.destroy();
    this.#link = undefined;
    this.#back?.reject(this.#lostBy);
  }

  async #ask(
    call: Call,
    key: Argument,
    send: (link: Link) => Promise<Reply>,
  ): Promise<Reply> {
    const { action, again } = call;
    const end = performance.now() + this.timeout;
    for (;;) {
      let link: Link | undefined;
      try {
        link = this.#link ?? await this.#wait(again, end);
        return await within(Math.max(1, end - performance.now()), send(link));
      } catch (error) {
        const left = end - performance.now();
        if (MOVING.test((error as Error).message) && left > MOVING_PAUSE + MOVING_TIME) {
          await new Promise((resolve) => setTimeout(resolve, MOVING_PAUSE));
          continue;
        }
        const lost = link && this.#isLost(error);
        if (lost) this.#lose(link!, key, error);
        if (lost && again && performance.now() < end) continue;
        if (link && !lost) throw this.#refused(call, error);
        throw this.#failure(action, lost ? this.#lostBy : error);
      }
    }
  }

  /** Returns the failure of a call on a connection that goes on, and logs it once for each connection. */
  #refused({ action, optional = false }: Call, error: unknown): StoreError {
    const failure = this.#failure(action, error);
    const { message } = failure;
    if (optional || NO_WRITES.test(firstReason(error))) return failure; // the latter is logged already
    if (!this.#told.has(message) && this.#told.size < MAX_TOLD) {
      this.#told.add(message);
      this.report("error", message);
    }
    return failure;
  }

  #failure(action: string, error: unknown): StoreError {
    const reason = error instanceof StoreTimeout
      ? new StoreTimeout(this.timeout).message
      : firstReason(error);
    return new StoreError(
      `Cannot ${action}: the store ${this.#settings.address.shown} fails: ${reason}`,
      { cause: error },
    );
  }

  /** Waits for the store to return, if it has not been gone for longer than a call may take. */
  #wait(again: boolean, end: number): Promise<Link> {
    const now = performance.now();
    if (now >= end) return Promise.reject(this.#lostBy);
    const left = Math.min(end, this.#goneSince + this.timeout) - now;
    if (!again || !this.#back || left <= 0) return Promise.reject(new Error("it is gone"));
    return within(left, this.#back.promise);
  }

  #isLost(error: unknown): boolean {
    if (error instanceof StoreTimeout) return true;
    const { message, name } = error as Error;
    if (ELSEWHERE.test(message)) return true;
    if (NO_WRITES.test(message)) {
      if (this.#takesWrites) {
        const { shown } = this.#settings.address;
        this.report("error", `The store ${shown} takes no writes: ${firstReason(error)}`);
      }
      this.#takesWrites = false;
      return false;
    }
    // An error reply of the server begins with a code in capitals: the call has failed, the connection has not.
    return !/^[A-Z]{3,}\b/.test(message) && name !== "ErrorReply";
  }

  #lose(link: Link, key: Argument, error: unknown): void {
    if (link !== this.#link) return;
    this.#link = undefined;
    this.#lostBy = error;
    this.#goneSince = performance.now();
    this.#back = Promise.withResolvers();
    this.#back.promise.catch(() => {});
    const { shown } = this.#settings.address;
    this.report("error", `The store ${shown} is gone: ${firstReason(error)}`);
    link.destroy();
    void this.#reconnect(key);
  }

  async #reconnect(key: Argument): Promise<void> {
    for (let pause = FIRST_PAUSE; !this.#closed; pause = Math.min(2 * pause, MAX_PAUSE)) {
      try {
        const link = await this.#connect(key);
        if (this.#closed) return link.destroy();
        this.#link = link;
        this.#told.clear();
        const seconds = ((performance.now() - this.#goneSince) / 1000).toFixed(1);
        const { shown } = this.#settings.address;
        this.report("info", `The store ${shown} is back after ${seconds} s`);
        this.#back!.resolve(link);
        this.#back = undefined;
        for (const returned of this.returned) returned();
        return;
      } catch {
        await new Promise<void>((resolve) => Deno.unrefTimer(setTimeout(resolve, pause)));
      }
    }
  }

  /** Connects to the server that has a key. */
  async #connect(key: Argument): Promise<Link> {
    let made: Link | undefined;
    const lost = (error: Error) => made && this.#lose(made, key, error);
    const tell = (line: string) => this.report("info", line);
    const link = made = await connect({ ...this.#settings, timeout: CONNECTING, lost, tell });
    try {
      const probe = key === "" ? `${this.prefix}:probe` : key;
      await within(this.timeout, link.send(probe, ["EXISTS", probe]));
      const time = await within(this.timeout, link.send(probe, ["TIME"]));
      const [seconds, micros] = listOf(number)(time);
      const ahead = seconds! * 1000 + micros! / 1000 - Date.now();
      this.#clockAhead = Math.round(ahead / 1000) * 1000;
      return link;
    } catch (error) {
      link.destroy();
      throw error;
    }
  }
}

/** Returns the reason of a failure in one line; where several addresses were tried, that of the first. */
function firstReason(error: unknown): string {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return firstLineOf(first) || first.name;
}
