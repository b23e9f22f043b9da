import type { Backend } from "../service/backends.ts";
import { declarableLength, EMPTY, type Payload } from "../service/bytes.ts";
import { HostError, refuse, SendError, type SendFailure } from "../service/errors.ts";
import type { Exchange } from "../service/exchange.ts";
import { frameResponse } from "../service/framing.ts";
import { HeaderList } from "../service/headers.ts";
import type { Service } from "../service/service.ts";
import { Body } from "./body.ts";
import type { Memory } from "./memory.ts";
import { GuestRequest, GuestResponse } from "./message.ts";
import type { PendingRequest } from "./pending_request.ts";
import { Lines } from "./stdio.ts";
import type { Stop } from "./stop.ts";
import { HandleTable } from "./table.ts";
import { Waitable } from "./waitable.ts";

/** The longest time that a timer of the platform takes, in milliseconds. */
const MOST_TIMER = 2 ** 31 - 1;

/** Where the bound hostcalls of one instance find the sandbox that runs in it now. */
export interface Seat {
  sandbox: Sandbox;
}

/** One run of the program: what it holds, the request that it answers, and how far it has come. */
export class Sandbox {
  readonly handles: HandleTable = new HandleTable();
  readonly service: Service;
  readonly memory: Memory;
  /** 32 hexadecimal digits: the trace id, and the id of the first request. */
  readonly id: string;
  readonly stdout: Lines;
  readonly stderr: Lines;
  readonly #exchange: Exchange;
  readonly #whenWaiting: () => void;
  readonly #dynamicBackends = new Map<string, Backend>();
  #downstream: { readonly request: number; readonly body: number } | undefined;
  #responded = false;
  #stopped: Stop | undefined;
  #rejectWait: ((reason: Stop) => void) | undefined;
  readonly #timers = new Set<() => void>();
  #activeMs = 0;
  #activeSince = performance.now();

  /** @param whenWaiting Called each time the guest is suspended. */
  constructor(
    service: Service,
    memory: Memory,
    exchange: Exchange,
    whenWaiting: () => void = () => {},
  ) {
    this.service = service;
    this.memory = memory;
    this.id = service.nextId();
    this.#exchange = exchange;
    this.#whenWaiting = whenWaiting;
    this.stdout = new Lines((message) =>
      service.log({ kind: "stdout", requestId: this.id, message })
    );
    this.stderr = new Lines((message) =>
      service.log({ kind: "stderr", requestId: this.id, message })
    );
  }

  get exchange(): Exchange {
    return this.#exchange;
  }

  /** The client's request and its body: the same two numbers at every call. */
  get downstream(): { readonly request: number; readonly body: number } {
    return this.#downstream ??= this.#openDownstream();
  }

  #openDownstream(): { readonly request: number; readonly body: number } {
    const request = new GuestRequest(this.#exchange);
    if (request.url.startsWith("https:")) request.headers.set("fastly-ssl", "1");
    return {
      request: this.handles.insert(request),
      body: this.handles.insert(Body.of(this.#exchange.body)),
    };
  }

  // The response

  /** Answers the client, with a body that is given up only then; refused when the client has been answered. */
  respond(response: GuestResponse, body: () => Payload): void {
    this.#checkUnanswered();
    const payload = body();
    this.#responded = true;
    this.#send(response, payload);
  }

  /** Answers the client with what a request to a backend will bring: 502, 504 or 500 if it fails. */
  respondWith(pending: PendingRequest): void {
    this.#checkUnanswered();
    this.#responded = true;
    Promise.resolve().then(() => pending.reply()).then(
      ({ response, body }) => this.#send(response, body.payload()),
      (error) => {
        const response = failure(statusOfFailure(error));
        pending.applyEdits("error", response.headers);
        this.#send(response, textOf(messageOf(error)));
      },
    );
  }

  /** Sends an informational head ahead of the response, as it is now: the guest may change it further. */
  inform({ status, headers }: GuestResponse): void {
    if (this.#responded) refuse("failed", "Cannot send an early hint after the response");
    const framed = frameResponse(headers, status, false, undefined, "automatic");
    this.#exchange.inform({ status, headers: framed });
  }

  #checkUnanswered(): void {
    if (this.#responded) refuse("failed", "Cannot respond to the client twice");
  }

  #send({ status, headers, framing, keepAlive }: GuestResponse, body: Payload): void {
    const toHead = this.#exchange.head.method === "HEAD";
    const framed = frameResponse(headers, status, toHead, declarableLength(body), framing);
    if (!keepAlive) framed.set("connection", "close");
    this.#exchange.respond({ status, headers: framed }, body);
  }

  // Backends

  /** The guest's own dynamic backend, else one of the service. */
  findBackend(name: string): Backend | undefined {
    return this.#dynamicBackends.get(name) ?? this.service.findBackend(name);
  }

  /** Tells what to write into fastly.toml. */
  reportUnknownBackend(name: string): void {
    this.service.report(
      "error",
      `No backend is named "${name}". Add it to fastly.toml:\n\n` +
        `  [local_server.backends.${/^[\w-]+$/.test(name) ? name : JSON.stringify(name)}]\n` +
        `  url = "http://localhost:8000"\n\n` +
        `or send all such requests to one place with --proxy-to`,
      this.id,
    );
  }

  isDynamic(name: string): boolean {
    return this.#dynamicBackends.has(name);
  }

  /** Defines a backend for this sandbox; refused when the name is in use. */
  addBackend(backend: Backend): void {
    const { name } = backend;
    if (this.#dynamicBackends.has(name) || this.service.backends.isDefined(name)) {
      refuse("failed", `Cannot register backend "${name}": the name is in use`);
    }
    this.#dynamicBackends.set(name, backend);
  }

  // Running and waiting

  /** Milliseconds that the guest has run, without the time that it waited. */
  get activeMs(): number {
    return this.#activeMs + performance.now() - this.#activeSince;
  }

  /** Throws if the guest has been stopped: no hostcall goes on then. */
  checkStopped(): void {
    if (this.#stopped) throw this.#stopped;
  }

  /** Waits for work with the guest suspended. Rejects at once when the guest is stopped meanwhile. */
  suspend<T>(work: Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const resume = () => {
      this.#rejectWait = undefined;
      this.#activeSince = performance.now();
    };
    this.#rejectWait = (reason) => {
      resume();
      reject(reason);
    };
    const settle = (carryOn: () => void) => {
      if (this.#stopped) return;
      resume();
      carryOn();
    };
    work.then((value) => settle(() => resolve(value)), (error) => settle(() => reject(error)));
    this.#activeMs += performance.now() - this.#activeSince;
    this.#whenWaiting();
    return promise;
  }

  /** A timer in milliseconds that ends with the sandbox at the latest. */
  timer(ms: number): { readonly done: Promise<void>; cancel(): void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.min(ms, MOST_TIMER));
    const cancel = () => {
      clearTimeout(timer);
      this.#timers.delete(cancel);
    };
    this.#timers.add(cancel);
    promise.then(cancel);
    return { done: promise, cancel };
  }

  /** Ends the guest: at once if it waits, at its next hostcall if it runs. */
  stop(reason: Stop): void {
    if (this.#stopped) return;
    this.#stopped = reason;
    this.#rejectWait?.(reason);
  }

  /**
   * Lets go of everything after the guest has ended: open streams are cut, unsettled work is cancelled.
   *
   * @param fault What the client is told if the guest failed without a response; a clean end is an empty 200.
   */
  end(fault?: { readonly status: number; readonly message: string }): void {
    this.stdout.flush();
    this.stderr.flush();
    if (!this.#responded) {
      this.#responded = true;
      if (fault) this.#send(failure(fault.status), textOf(fault.message));
      else this.#send(new GuestResponse(), EMPTY);
    }
    for (const cancel of this.#timers) cancel();
    for (const item of this.handles.drain()) if (item instanceof Waitable) item.drop();
  }
}

const TIMEOUTS: ReadonlySet<SendFailure> = new Set([
  "dns_timeout",
  "connection_timeout",
  "http_response_timeout",
]);

function failure(status: number): GuestResponse {
  const response = new GuestResponse();
  response.status = status;
  response.headers = new HeaderList(["content-type", "text/plain; charset=utf-8"]);
  return response;
}

function textOf(message: string): Uint8Array {
  return new TextEncoder().encode(`${message}\n`);
}

function statusOfFailure(error: unknown): number {
  if (!(error instanceof SendError)) return 500;
  return TIMEOUTS.has(error.failure) ? 504 : 502;
}

function messageOf(error: unknown): string {
  return error instanceof HostError ? error.message : "Cannot answer: the host has failed";
}
