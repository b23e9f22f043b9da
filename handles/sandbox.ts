import { setImmediate } from "node:timers";
import type { Backend } from "../service/backends/backend.ts";
import { EMPTY, type Eventually } from "../service/http/bytes.ts";
import { describe, refuse } from "../service/errors.ts";
import type { Service } from "../service/service.ts";
import { machineClock } from "../service/util/clock.ts";
import { sha256 } from "../service/util/digest.ts";
import type { NamedKind } from "../service/util/missing.ts";
import { turn } from "../service/util/turns.ts";
import { Descriptors } from "./descriptors.ts";
import type { DownstreamRequest } from "./downstream_request.ts";
import { Execution, type ExecutionHost } from "./execution.ts";
import { LineSplitter } from "./line_splitter.ts";
import type { Memory } from "./memory.ts";
import { GuestResponse } from "./message.ts";
import { type RequestSource, SandboxRequests } from "./sandbox_requests.ts";
import type { Stop } from "./stop.ts";
import { HandleTable } from "./table.ts";
import { Waitable } from "./waitable.ts";

/** Maximum number of dynamic backends that one sandbox may register. */
const MAX_DYNAMIC = 1000;
/** Milliseconds for which a guest polls with a single turn of the event loop for others in between. */
const POLLING = 2;

/** State of one instance that its bound hostcalls share: the sandbox that runs in the instance now, and its memory. */
export interface InstanceContext {
  sandbox: Sandbox;
  memory?: Memory;
  /** Whether the program is run once, as a tool, and not for a request. */
  runsOnce?: boolean;
}

/** Callbacks of a sandbox to the run that it belongs to. */
export interface SandboxHost extends ExecutionHost, RequestSource {}

/** Sandbox of one run of the program: the guest's handles, the requests that it answers, and its execution. */
export class Sandbox {
  readonly handles: HandleTable = new HandleTable();
  readonly service: Service;
  readonly memory: Memory;
  readonly requests: SandboxRequests;
  readonly execution: Execution;
  /** 32 hexadecimal digits: the trace id, and the id of the first request. */
  readonly id: string;
  // Made when the guest first needs them.
  #lines: { stdout?: LineSplitter; stderr?: LineSplitter } | undefined;
  #descriptors: Descriptors | undefined;
  #dynamicBackends: Map<string, Backend> | undefined;
  #timers: Set<() => void> | undefined;
  /** Time at which a call that polls has last let others in, sockets too. */
  #letOthersIn = 0;
  /** Stretch of the execution in which the guest has polled something that was not ready. */
  #polledIn: number | undefined;

  /** @param first Request that the guest is started for, which is queued until now. */
  constructor(service: Service, memory: Memory, first: DownstreamRequest, host: SandboxHost) {
    this.service = service;
    this.memory = memory;
    this.id = first.id;
    const stop = (reason: Stop) => this.execution.stop(reason);
    this.requests = new SandboxRequests(service, this.handles, host, first, stop);
    this.execution = new Execution(service, memory, this.requests, host);
  }

  /** Logs bytes that the guest writes to its standard output or error, or passes them to the option `stdio`. */
  print(stream: "stdout" | "stderr", bytes: Uint8Array): void {
    const { stdio } = this.service.options;
    if (!(stdio || this.service.logs) || !this.requests.quota.mayLog(bytes.length)) return;
    if (stdio) {
      const { id } = this.requests.current;
      this.service.attempt("hand on a guest's output", () => stdio(stream, bytes, id), id);
    } else {
      const lines = this.#lines ??= {};
      (lines[stream] ??= this.#linesOf(stream)).write(bytes);
    }
  }

  #linesOf(kind: "stdout" | "stderr"): LineSplitter {
    return new LineSplitter((message) =>
      this.service.log({ kind, requestId: this.requests.current.id, message })
    );
  }

  /** File descriptors of WASI. */
  get descriptors(): Descriptors {
    return this.#descriptors ??= new Descriptors();
  }

  // Backends

  /** Finds a backend by its name: a dynamic one of the guest, else one of the service. */
  findBackend(name: string): Backend | undefined {
    return this.#dynamicBackends?.get(name) ?? this.service.findBackend(name);
  }

  /** Logs, once for each name, that nothing of that name is defined, with lines for fastly.toml that would define it. */
  reportMissing(kind: NamedKind, name: string): void {
    this.service.reportMissing(kind, name, this.requests.current.id);
  }

  /** Logs that the backend of a request is not defined, and tells the test harness. */
  reportMissingBackend(
    name: string,
    { method, url }: { readonly method: string; readonly url: string },
  ): void {
    this.reportMissing("backend", name);
    const { id: requestId } = this.requests.current;
    this.service.options.transportHook?.missing(name, { method, url, requestId });
  }

  isDynamic(name: string): boolean {
    return this.#dynamicBackends?.has(name) ?? false;
  }

  /**
   * Returns a backend's name for cache keys. For a dynamic backend it includes a digest of the target, since another
   * sandbox may have registered another target under the same name.
   */
  cacheNameOf({ name, options }: Backend): string {
    if (!options || !this.isDynamic(name)) return name;
    const target = JSON.stringify([options.url, options.hostOverride, options.tls]);
    return `${name} ${sha256().update(target).digest("base64")}`;
  }

  /** Registers a dynamic backend; refused if the name is in use, or if there are 1,000 of them. */
  addBackend(backend: Backend): void {
    const { name } = backend;
    if (this.isDynamic(name) || this.service.backends.isDefined(name)) {
      refuse("failed", `Cannot register backend "${name}": the name is in use`);
    }
    const dynamic = this.#dynamicBackends ??= new Map();
    if (dynamic.size >= MAX_DYNAMIC) {
      refuse("limit-exceeded", `Cannot register more than ${MAX_DYNAMIC} dynamic backends`);
    }
    dynamic.set(name, backend);
  }

  // Time

  /**
   * Resolves after a turn of the event loop. Calls that poll wait for it, so that a guest that polls in a loop does not
   * keep other guests and I/O from running. Each 2 ms the turns are as many as sockets need.
   */
  turn(): Promise<void> {
    const now = machineClock.elapsed();
    if (now - this.#letOthersIn < POLLING) return new Promise((resolve) => setImmediate(resolve));
    this.#letOthersIn = now;
    return turn();
  }

  /**
   * Tells whether an item is ready, for a call that polls. If it is not, the first such call since the guest last waited is
   * answered at once, others after a turn of the event loop: a guest that polls in a loop lets others run.
   */
  poll(item: Waitable): Eventually<boolean> {
    if (item.ready) return true;
    const { stretches } = this.execution;
    if (this.#polledIn === stretches) return this.turn().then(() => item.ready);
    this.#polledIn = stretches;
    return false;
  }

  /** Starts a timer of `ms` milliseconds, which is cancelled when the sandbox ends. */
  timer(ms: number): { readonly done: Promise<void>; cancel(): void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = this.service.clock.after(ms, resolve);
    const cancel = () => {
      stop();
      this.#timers?.delete(cancel);
    };
    (this.#timers ??= new Set()).add(cancel);
    promise.then(cancel);
    return { done: promise, cancel };
  }

  /**
   * Frees everything after the guest has ended: aborts open streams and cancels work that is not done. An error is logged,
   * and everything else is freed nevertheless.
   *
   * @param fault Response for a guest that has failed without one. By default it is an empty 200, as on Fastly.
   */
  end(fault?: { readonly status: number; readonly message: string }): void {
    this.#lines?.stdout?.flush();
    this.#lines?.stderr?.flush();
    const { current } = this.requests;
    if (fault) current.fail(fault.status, fault.message);
    else if (!current.responded) current.respond(new GuestResponse(), () => EMPTY);
    this.requests.finish();
    for (const cancel of this.#timers ?? []) cancel();
    for (const item of this.handles.drain()) if (item instanceof Waitable) this.#drop(item);
  }

  #drop(item: Waitable): void {
    try {
      item.drop();
    } catch (error) {
      const { id } = this.requests.current;
      this.service.report("error", `Cannot free a handle: ${describe(error)}`, id);
    }
  }
}
