import { createHash } from "node:crypto";
import type { Backend } from "../service/backends/backend.ts";
import { EMPTY } from "../service/http/bytes.ts";
import { refuse } from "../service/errors.ts";
import { describe, type Service } from "../service/service.ts";
import type { NamedKind } from "../service/util/missing.ts";
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

/** Most dynamic backends that one run of a program may register. */
const MAX_DYNAMIC = 1000;

/** State of one instance that its bound hostcalls share: the sandbox that runs in the instance now, and its memory. */
export interface InstanceContext {
  sandbox: Sandbox;
  memory?: Memory;
  /** Whether the program is run once, as a tool, and not for a request. */
  runsOnce?: boolean;
}

/** What a sandbox needs of whoever runs it. */
export interface SandboxHost extends ExecutionHost, RequestSource {}

/** One run of the program: all that the guest holds, the requests that it answers, and its execution. */
export class Sandbox {
  readonly handles: HandleTable = new HandleTable();
  readonly service: Service;
  readonly memory: Memory;
  readonly requests: SandboxRequests;
  readonly execution: Execution;
  /** 32 hexadecimal digits: the trace id, and the id of the first request. */
  readonly id: string;
  // Made when a guest needs them.
  #lines: { stdout?: LineSplitter; stderr?: LineSplitter } | undefined;
  #descriptors: Descriptors | undefined;
  #dynamicBackends: Map<string, Backend> | undefined;
  #timers: Set<() => void> | undefined;

  /** @param first Request that the guest is started for; it has been queued until now. */
  constructor(service: Service, memory: Memory, first: DownstreamRequest, host: SandboxHost) {
    this.service = service;
    this.memory = memory;
    this.id = first.id;
    const stop = (reason: Stop) => this.execution.stop(reason);
    this.requests = new SandboxRequests(service, this.handles, host, first, stop);
    this.execution = new Execution(service, memory, this.requests, host);
  }

  /** Takes bytes that the guest writes to its standard output or error, which it may change afterwards. */
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

  /** Finds a dynamic backend of the guest by its name, else one of the service. */
  findBackend(name: string): Backend | undefined {
    return this.#dynamicBackends?.get(name) ?? this.service.findBackend(name);
  }

  /** Reports, once for each name, that nothing of the kind has it, with the lines for fastly.toml. */
  reportMissing(kind: NamedKind, name: string): void {
    this.service.reportMissing(kind, name, this.requests.current.id);
  }

  /** Reports the same of the backend that a request is for, to the test harness as well. */
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

  /** Returns a backend's name for cache keys. It includes the target of a dynamic one: sandboxes share such names. */
  cacheNameOf({ name, options }: Backend): string {
    if (!options || !this.isDynamic(name)) return name;
    const target = JSON.stringify([options.url, options.hostOverride, options.tls]);
    return `${name} ${createHash("sha256").update(target).digest("base64")}`;
  }

  /** Registers a dynamic backend; refused when the name is in use, and when there are 1,000 of them. */
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
   * Resolves after a turn of the event loop: for calls that have nothing to say yet. A guest that polls in a loop then
   * leaves other guests and I/O their turn.
   */
  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Starts a timer in milliseconds, which ends with the sandbox at the latest. */
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
   * Frees everything after the guest has ended: open streams are cut, unsettled work is cancelled. An error in that is
   * logged, and keeps nothing else from being freed.
   *
   * @param fault Response of a guest that failed without one; after a clean end it is an empty 200.
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
