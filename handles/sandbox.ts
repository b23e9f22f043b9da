import { createHash } from "node:crypto";
import type { Backend } from "../service/backends/backend.ts";
import { EMPTY } from "../service/http/bytes.ts";
import { refuse } from "../service/errors.ts";
import { describe, type Service } from "../service/service.ts";
import { describeLimit } from "../service/limits.ts";
import type { NamedKind } from "../service/util/missing.ts";
import type { RequestMetrics } from "../service/http/request_metrics.ts";
import type { Interruption, Runner, RunWatch } from "../service/util/run_watch.ts";
import { RequestQuota } from "./request_quota.ts";
import { Body } from "./body.ts";
import { Descriptors } from "./descriptors.ts";
import type { Memory } from "./memory.ts";
import { GuestRequest, GuestResponse } from "./message.ts";
import type { DownstreamRequest } from "./downstream_request.ts";
import { RequestPromise } from "./request_promise.ts";
import { LineSplitter } from "./line_splitter.ts";
import { LimitReached, overTime, SignalReceived, Stop } from "./stop.ts";
import { HandleTable } from "./table.ts";
import { Waitable } from "./waitable.ts";

/** The longest time that a timer of the platform takes, in milliseconds. */
const MAX_TIMER = 2 ** 31 - 1;
const READY = Promise.resolve();
/** How many dynamic backends one run of a program may register. */
const MAX_DYNAMIC = 1000;

/** Where the bound hostcalls of one instance find the sandbox that runs in it now. */
export interface InstanceContext {
  sandbox: Sandbox;
}

/** What a sandbox asks of whoever runs it. */
export interface Host {
  /** Measures and stops the guest while it runs. */
  readonly watch: RunWatch;
  /** The guest is suspended: another may start. */
  waiting(): void;
  /** The guest would take another request. */
  listening(promise: RequestPromise): void;
  /** It would not any more. */
  left(promise: RequestPromise): void;
}

/** One run of the program: what it holds, the request that it answers, and how far it has come. */
export class Sandbox implements Runner {
  readonly handles: HandleTable = new HandleTable();
  readonly service: Service;
  readonly memory: Memory;
  /** 32 hexadecimal digits: the trace id, and the id of the first request. */
  readonly id: string;
  /** What the current request has taken. */
  metrics: RequestMetrics;
  // What few guests need is made when they do.
  readonly #lines: { stdout?: LineSplitter; stderr?: LineSplitter } = {};
  #descriptors: Descriptors | undefined;
  readonly #host: Host;
  #dynamicBackends: Map<string, Backend> | undefined;
  #timers: Set<() => void> | undefined;
  #current: DownstreamRequest;
  #quota: RequestQuota | undefined;
  /** Requests that others still answer though the guest is done with them. */
  #left: DownstreamRequest[] | undefined;
  #downstream: { readonly request: number; readonly body: number } | undefined;
  #promise: RequestPromise | undefined;
  #requests = 1;
  #stopped: Error | undefined;
  #rejectWait: ((reason: Error) => void) | undefined;
  #running = false;
  #lacksMemory = false;
  #stretches = 0;
  #activeMs = 0;

  /** @param received The request that the guest is started for; it has been queued until now. */
  constructor(service: Service, memory: Memory, received: DownstreamRequest, host: Host) {
    this.service = service;
    this.memory = memory;
    this.id = received.id;
    this.#host = host;
    this.#current = received;
    this.metrics = received.metrics;
    received.start();
  }

  /** What the guest writes to its standard output or error; the bytes are kept. */
  print(stream: "stdout" | "stderr", bytes: Uint8Array): void {
    const { stdio } = this.service.options;
    if (!(stdio || this.service.logs) || !this.quota.mayLog(bytes.length)) return;
    if (stdio) {
      const { id } = this.current;
      this.service.attempt("hand on a guest's output", () => stdio(stream, bytes, id), id);
    } else (this.#lines[stream] ??= this.#linesOf(stream)).write(bytes);
  }

  #linesOf(kind: "stdout" | "stderr"): LineSplitter {
    return new LineSplitter((message) =>
      this.service.log({ kind, requestId: this.current.id, message })
    );
  }

  /** What the guest reaches through WASI. */
  get descriptors(): Descriptors {
    return this.#descriptors ??= new Descriptors();
  }

  // Requests

  /** The request that the guest answers now. */
  get current(): DownstreamRequest {
    return this.#current;
  }

  /** What the guest may use for the current request. */
  get quota(): RequestQuota {
    return this.#quota ??= new RequestQuota(this.service, this.#current);
  }

  /** The current request and its body: the same two numbers at every call. */
  get downstream(): { readonly request: number; readonly body: number } {
    return this.#downstream ??= this.#openDownstream();
  }

  #openDownstream(): { readonly request: number; readonly body: number } {
    const request = new GuestRequest(this.#current);
    return {
      request: this.handles.insert(request),
      body: this.handles.insert(Body.of(this.#current.body)),
    };
  }

  /**
   * Offers to take another request once the current one is answered. Nothing comes after the time, in milliseconds, or
   * when the sandbox has had as many as it may. Refused while an earlier offer stands.
   */
  listen(timeout: number): RequestPromise {
    if (this.#promise) refuse("limit-exceeded", "Cannot ask for two requests at a time");
    const promise = this.#promise = new RequestPromise(() => this.#current.responded);
    const cancel = this.service.stallClock.after(Math.min(timeout, MAX_TIMER), () => promise.end());
    promise.whenReady().then(() => {
      cancel();
      this.#host.left(promise);
    });
    if (this.#requests < this.service.limits.sandbox_requests) this.#host.listening(promise);
    else promise.end();
    return promise;
  }

  /** Takes back an offer. What has come for it goes to another sandbox. */
  unlisten(promise: RequestPromise): void {
    promise.drop();
    if (this.#promise === promise) this.#promise = undefined;
  }

  /** The request that an offer has brought becomes the current one; undefined if none came. */
  async next(promise: RequestPromise): Promise<Sandbox["downstream"] | undefined> {
    this.#finishCurrent();
    await promise.whenReady();
    this.#promise = undefined;
    const received = promise.take();
    if (!received) return undefined;
    this.#requests++;
    received.start();
    this.#current = received;
    this.metrics = received.metrics;
    this.#downstream = this.#quota = undefined;
    received.onGone((reason) => this.abandon(received, new Stop(reason.message)));
    const { wallTime, limits } = this.service;
    wallTime.add(received.exchange, () => this.abandon(received, overTime(limits)));
    return this.downstream;
  }

  #finishCurrent(): void {
    if (this.#current.state !== "responded") return; // it was finished when the guest asked for the next
    this.#current.finish();
    if (this.#current.answering) (this.#left ??= []).push(this.#current);
  }

  /** Resolves when others have answered what the guest has left to them; undefined if there is nothing. */
  get answering(): Promise<unknown> | undefined {
    return this.#left && Promise.all(this.#left.map(({ answering }) => answering));
  }

  /** Gives up what others do in the guest's place. */
  cutAnswers(why: string): void {
    for (const received of [this.#current, ...this.#left ?? []]) received.cutAnswer(why);
  }

  /** Ends the guest if it is at work for a request for which it should not be any more. */
  abandon(received: DownstreamRequest, reason: Stop): void {
    if (this.#current === received) this.stop(reason);
  }

  // Backends

  /** The guest's own dynamic backend, else one of the service. */
  findBackend(name: string): Backend | undefined {
    return this.#dynamicBackends?.get(name) ?? this.service.findBackend(name);
  }

  /** Tells, once for each name, that nothing of the kind has it and what to write into fastly.toml. */
  reportMissing(kind: NamedKind, name: string): void {
    this.service.reportMissing(kind, name, this.current.id);
  }

  isDynamic(name: string): boolean {
    return this.#dynamicBackends?.has(name) ?? false;
  }

  /** What the cache knows a backend by: sandboxes may mean different ones by the name of a dynamic one. */
  cacheNameOf({ name, options }: Backend): string {
    if (!options || !this.isDynamic(name)) return name;
    const target = JSON.stringify([options.url, options.hostOverride, options.tls]);
    return `${name} ${createHash("sha256").update(target).digest("base64")}`;
  }

  /** Defines a backend for this sandbox; refused when the name is in use, and when there are too many. */
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

  // Running and waiting

  /** Milliseconds of processor time that the guest has taken; never less than at an earlier call. */
  get activeMs(): number {
    return this.#activeMs + (this.#running ? this.#host.watch.spent : 0);
  }

  /** How often the guest has begun to run or gone on. */
  get stretches(): number {
    return this.#stretches;
  }

  readonly #resume = (): void => {
    if (!this.#running) this.enter();
  };

  /** The guest runs next: nothing else happens before. */
  enter(): void {
    this.#running = true;
    this.#stretches++;
    const left = this.service.limits.cpu_time - this.metrics.activeMillis;
    this.#host.watch.enter(this, this.#stopped ? 0 : left);
  }

  /** The guest does not run any more: it waits or has ended. May be told more than once. */
  leave(): void {
    if (!this.#running) return;
    this.#running = false;
    const { service, metrics } = this;
    const { watch } = this.#host;
    const { spent, held } = watch;
    this.#activeMs += spent;
    metrics.activeMillis += spent;
    metrics.peakMemory = Math.max(metrics.peakMemory, this.memory.size);
    service.stallClock.holdUp(held);
    if (watch.takeRefusal()) this.#noteRefusal();
    const interruption = watch.leave(this);
    if (interruption !== undefined) this.stop(this.#reasonOf(interruption));
  }

  /** The limit on memory has refused growth: what the guest makes of that is its own affair. */
  #noteRefusal(): void {
    this.#lacksMemory = true;
    this.quota.meet("memory", "The guest's memory could not grow");
  }

  /** Whether the limit on memory has refused growth in this run. */
  get lacksMemory(): boolean {
    return this.#lacksMemory;
  }

  #reasonOf(interruption: Interruption): Stop {
    if (interruption !== "time") return new SignalReceived(interruption);
    const { limits } = this.service;
    const limit = describeLimit("cpu_time", limits);
    const ran = Math.round(
      this.metrics.activeMillis + (this.#running ? this.#host.watch.spent : 0),
    );
    return new LimitReached("cpu_time", `${limit} is used up (it ran for ${ran} ms)`);
  }

  /** Why the run has to end: the guest has exited, or the host has stopped it. */
  get stopped(): Error | undefined {
    return this.#stopped;
  }

  /** Throws if the run has to end, or its time is up: no hostcall goes on then, whatever the guest has caught. */
  checkStopped(): void {
    const { watch } = this.#host;
    if (!this.#stopped && !watch.mayGoOn()) this.stop(this.#reasonOf(watch.interruption));
    if (this.#stopped) throw this.#stopped;
  }

  /**
   * Waits for work with the guest suspended. Rejects at once when the guest is stopped meanwhile. What the guest gets
   * in the end goes through {@linkcode Sandbox.resumeOn}.
   */
  suspend<T>(work: Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#rejectWait = reject;
    const settle = (carryOn: () => void) => {
      if (this.#stopped) return;
      this.#rejectWait = undefined;
      carryOn();
    };
    work.then((value) => settle(() => resolve(value)), (error) => settle(() => reject(error)));
    this.leave();
    if (this.metrics.activeMillis >= this.service.limits.cpu_time) {
      this.stop(this.#reasonOf("time"));
    }
    this.#host.waiting();
    return promise;
  }

  /**
   * Passes on what the guest gets from a call in which it is suspended. The guest is the second that looks at it: as
   * soon as it is there the guest runs, right after the sandbox has noted that and before anything else.
   */
  resumeOn(status: number | Promise<number>): number | Promise<number> {
    if (status instanceof Promise) status.then(this.#resume, this.#resume);
    else READY.then(this.#resume);
    return status;
  }

  /**
   * Resolves once the event loop has turned: for calls that have nothing to say yet. A guest that asks in a loop leaves
   * others their turn so, and what it asks for can come.
   */
  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** A timer in milliseconds that ends with the sandbox at the latest. */
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

  /** Ends the run: at once if the guest waits, at its next hostcall, loop or call if it runs. The first reason stays. */
  stop(reason: Error): void {
    if (this.#stopped) return;
    this.#stopped = reason;
    this.#rejectWait?.(reason);
    if (this.#running) this.#host.watch.condemn(this);
  }

  /**
   * Lets go of everything after the guest has ended: open streams are cut, unsettled work is cancelled. What fails at
   * that is logged, and keeps nothing else from ending.
   *
   * @param fault What the client is told if the guest failed without a response; a clean end is an empty 200.
   */
  end(fault?: { readonly status: number; readonly message: string }): void {
    this.#lines.stdout?.flush();
    this.#lines.stderr?.flush();
    if (fault) this.#current.fail(fault.status, fault.message);
    else if (!this.#current.responded) this.#current.respond(new GuestResponse(), () => EMPTY);
    this.#promise?.drop();
    this.#finishCurrent();
    for (const cancel of this.#timers ?? []) cancel();
    for (const item of this.handles.drain()) if (item instanceof Waitable) this.#drop(item);
  }

  #drop(item: Waitable): void {
    try {
      item.drop();
    } catch (error) {
      this.service.report("error", `Cannot free a handle: ${describe(error)}`, this.#current.id);
    }
  }
}
