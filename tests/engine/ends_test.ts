/**
 * Every request ends, whatever the exchange, the options and the guest's handles throw: `answer()` resolves, the fault is
 * logged once, and the one instance is free for the next request.
 *
 * @module
 */
import { GuestResponse } from "../../handles/message.ts";
import { DownstreamRequest } from "../../handles/downstream_request.ts";
import { Waitable } from "../../handles/waitable.ts";
import { Fastlike, type FastlikeOptions, type LogEntry } from "../../mod.ts";
import type { ResponseHead } from "../../service/http/exchange.ts";
import { EMPTY, type Payload } from "../../service/http/bytes.ts";
import { RequestMetrics } from "../../service/http/request_metrics.ts";
import { bench, FakeExchange, type FakeRequest } from "../abi/_bench.ts";
import { assertEquals, assertMatch } from "../assert.ts";
import { guestUrl } from "../guests/serving.ts";

const RUST = guestUrl("rust");
const FAULT = "on purpose";

function fault(): never {
  throw new Error(FAULT);
}

// deno-lint-ignore require-await
async function rejection(): Promise<never> {
  fault();
}

/** Program with one instance, and its log. */
class Subject implements AsyncDisposable {
  readonly entries: LogEntry[] = [];
  readonly app: Fastlike;

  private constructor(app: Fastlike, entries: LogEntry[]) {
    this.app = app;
    this.entries = entries;
  }

  static async load(options: FastlikeOptions = {}): Promise<Subject> {
    const entries: LogEntry[] = [];
    const app = await Fastlike.load(RUST, {
      log: (entry) => void entries.push(entry),
      ...options,
      limits: { instances: 1, wall_time: Infinity, ...options.limits },
    });
    return new Subject(app, entries);
  }

  /** Returns the number of log entries about the fault. */
  get faults(): number {
    return this.entries.filter((entry) => entry.kind === "host" && entry.message.includes(FAULT))
      .length;
  }

  async assertFree(): Promise<void> {
    const exchange = new FakeExchange({ url: "http://a.test/hello" });
    await this.app.answer(exchange);
    assertEquals(await exchange.responseText(), "Hello from rust\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app[Symbol.asyncDispose]();
  }
}

function at(path: string, more: FakeRequest = {}): FakeRequest {
  return { url: `http://a.test${path}`, ...more };
}

/** Number of responses that fail. */
class Failing extends FakeExchange {
  failures = 0;
  readonly #fail: () => unknown;
  readonly #times: number;

  constructor(request: FakeRequest, fail: () => unknown, times = Infinity) {
    super(request);
    this.#fail = fail;
    this.#times = times;
  }

  override respond(head: ResponseHead, body: Payload): void {
    if (this.failures++ < this.#times) return this.#fail() as void;
    super.respond(head, body);
  }
}

/** Never comes to its end. */
function endless(cancel: () => unknown): Payload {
  return {
    length: undefined,
    trailers: undefined,
    read: () => new Promise(() => {}),
    cancel: cancel as () => void,
  };
}

const origin = () => new Response("from the origin");
const PATHS = ["/hello", "/nothing", "/trap", "/exit", "/pending", "/stream?n=3", "/background"];

for (const path of PATHS) {
  for (const [kind, fail] of [["throws", fault], ["rejects", rejection]] as const) {
    Deno.test(`${path} ends when each response ${kind}`, async () => {
      await using subject = await Subject.load({ backends: { origin } });
      await subject.app.answer(new Failing(at(path), fail));
      await subject.assertFree();
      assertEquals(subject.faults, 1);
    });

    Deno.test(`${path} gets a 500 when its own response ${kind}`, async () => {
      await using subject = await Subject.load({ backends: { origin } });
      const exchange = new Failing(at(path), fail, 1);
      await subject.app.answer(exchange);
      assertEquals((await exchange.response()).head.status, 500);
      assertEquals(
        await exchange.responseText(),
        "The host cannot send the response: on purpose\n",
      );
      await subject.assertFree();
      assertEquals(subject.faults, 1);
    });
  }

  Deno.test(`${path} ends when its content cannot be cancelled`, async () => {
    for (const cancel of [fault, rejection]) {
      await using subject = await Subject.load({ backends: { origin } });
      const exchange = new FakeExchange(at(path, { method: "POST", body: endless(cancel) }));
      await subject.app.answer(exchange);
      await subject.assertFree();
      assertEquals(subject.faults, 1);
    }
  });

  Deno.test(`${path} ends when its client cannot be watched`, async () => {
    await using subject = await Subject.load({ backends: { origin } });
    const exchange = Object.assign(new FakeExchange(at(path)), { onGone: fault });
    await subject.app.answer(exchange);
    await subject.assertFree();
    // A response that is left to a backend has the client watched once more.
    assertEquals(subject.faults, path === "/pending" ? 2 : 1);
  });
}

for (const member of ["head", "body", "client", "metrics"] as const) {
  Deno.test(`a request whose ${member} throws ends`, async () => {
    await using subject = await Subject.load({ trustProxy: ["loopback"] });
    const exchange = new FakeExchange(at("/hello"));
    Object.defineProperty(exchange, member, { get: fault });
    await subject.app.answer(exchange);
    assertEquals((await exchange.response()).head.status, 500);
    await subject.assertFree();
    assertEquals(subject.faults, 1);
  });
}

Deno.test("a request whose early hint throws goes on", async () => {
  await using subject = await Subject.load();
  const exchange = Object.assign(new FakeExchange(at("/early-hint")), { inform: fault });
  await subject.app.answer(exchange);
  assertEquals((await exchange.response()).head.status, 200);
  assertEquals(subject.faults, 1);
});

for (const member of ["activeMillis", "hostcalls", "peakMemory"] as const) {
  Deno.test(`a request ends whose usage cannot note ${member}`, async () => {
    await using subject = await Subject.load();
    const metrics = new RequestMetrics();
    Object.defineProperty(metrics, member, { get: () => 0, set: fault });
    const exchange = Object.assign(new FakeExchange(at("/hello")), { metrics });
    await subject.app.answer(exchange);
    await exchange.response();
    await subject.assertFree();
  });
}

for (const log of [fault, rejection]) {
  Deno.test(`requests end when the log ${log === fault ? "throws" : "rejects"}`, async () => {
    await using subject = await Subject.load({ log: log as () => void, backends: { origin } });
    for (const path of [...PATHS, "/log"]) {
      const exchange = new FakeExchange(at(path));
      await subject.app.answer(exchange);
      await exchange.response();
    }
    await subject.assertFree();
  });

  Deno.test(`requests end when stdio ${log === fault ? "throws" : "rejects"}`, async () => {
    await using subject = await Subject.load({ stdio: log as () => void });
    const exchange = new FakeExchange(at("/trap"));
    await subject.app.answer(exchange);
    assertEquals((await exchange.response()).head.status, 500);
    await subject.assertFree();
  });
}

Deno.test("a web request whose response cannot be made has a 500", async () => {
  await using subject = await Subject.load();
  const request = new Request("http://a.test/hello");
  let asked = 0;
  Object.defineProperty(request, "method", { get: () => asked++ ? fault() : "GET" });
  const response = await subject.app.handler(request);
  assertEquals([response.status, await response.text()], [500, "The host gave no response\n"]);
  await subject.assertFree();
  assertEquals(subject.faults, 1);
});

/** A backend that never answers, and tells when it is first asked. */
function silent() {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const origin = () => {
    resolve();
    return new Promise<Response>(() => {});
  };
  return { asked, backends: { origin } };
}

async function statusesOf(...exchanges: readonly FakeExchange[]): Promise<number[]> {
  return await Promise.all(exchanges.map(async (exchange) => {
    const { head } = await exchange.response();
    return head.status;
  }));
}

Deno.test("disposal ends a running request and a queued one", async () => {
  const { asked, backends } = silent();
  await using subject = await Subject.load({ backends });
  const [running, queued] = [new FakeExchange(at("/proxy/")), new FakeExchange(at("/hello"))];
  const answers = [running, queued].map((exchange) => subject.app.answer(exchange));
  await asked;
  await subject.app[Symbol.asyncDispose]();
  await Promise.all(answers);
  assertEquals(await statusesOf(running, queued), [503, 503]);
});

for (const [kind, fail] of [["throw", fault], ["reject", rejection]] as const) {
  Deno.test(`disposal ends running and queued requests whose responses ${kind}`, async () => {
    const { asked, backends } = silent();
    await using subject = await Subject.load({ backends });
    const exchanges = ["/proxy/", "/hello"].map((path) => new Failing(at(path), fail));
    const answers = exchanges.map((exchange) => subject.app.answer(exchange));
    await asked;
    await subject.app[Symbol.asyncDispose]();
    await Promise.all(answers);
    assertEquals(subject.faults, 2);
  });

  Deno.test(`disposal ends a request left to a backend whose response ${kind}s`, async () => {
    const { asked, backends } = silent();
    await using subject = await Subject.load({ backends });
    const answer = subject.app.answer(new Failing(at("/pending"), fail));
    await asked;
    await subject.assertFree();
    await subject.app[Symbol.asyncDispose]();
    await answer;
    assertEquals(subject.faults, 1);
  });

  Deno.test(`a guest that takes several requests survives one whose response ${kind}s`, async () => {
    await using subject = await Subject.load({ env: { SERVE: "loop" } });
    const counts: string[] = [];
    for (let i = 1; i <= 3; i++) {
      const exchange = i === 2 ? new Failing(at("/"), fail, 1) : new FakeExchange(at("/"));
      await subject.app.answer(exchange);
      counts.push((await exchange.responseText()).split(" ")[2]!);
    }
    assertEquals(counts, ["1", "cannot", "3"]);
    assertEquals(subject.faults, 1);
  });
}

Deno.test("disposal ends a guest that waits for its next request", async () => {
  const subject = await Subject.load({ env: { SERVE: "loop" } });
  const exchange = new FakeExchange(at("/"));
  await subject.app.answer(exchange);
  assertEquals(await statusesOf(exchange), [200]);
  await subject[Symbol.asyncDispose]();
});

Deno.test("a request whose guest ends before it takes it is queued again", async () => {
  using b = bench();
  const next = new DownstreamRequest(b.service, new FakeExchange(at("/next")));
  const promise = b.sandbox.requests.listen(1000);
  b.sandbox.requests.current.respond(new GuestResponse(), () => EMPTY);
  const given = Promise.withResolvers<void>();
  assertEquals(promise.offer(next, given.resolve), true);
  b.sandbox.end();
  await given.promise;
  assertEquals([b.sandbox.requests.current.state, next.state], ["closed", "queued"]);
});

Deno.test("a request after disposal ends, even if its response throws", async () => {
  const subject = await Subject.load();
  await subject[Symbol.asyncDispose]();
  const exchange = new FakeExchange(at("/hello"));
  await subject.app.answer(exchange);
  assertEquals(await statusesOf(exchange), [503]);
  await subject.app.answer(new Failing(at("/hello"), fault));
  assertEquals(subject.faults, 1);
});

Deno.test("a client that leaves ends a request whose backend's work cannot be given up", async () => {
  using b = bench();
  const { requests: { current } } = b.sandbox;
  current.answerLater((delegated) => {
    delegated.onCut = fault;
    return new Promise(() => {});
  });
  b.sandbox.end();
  assertEquals(current.state, "finished");
  current.cutAnswer("The client has left");
  assertEquals((await b.exchange.response()).head.status, 503);
  await current.closed;
  assertEquals(b.logs.filter((entry) => entry.kind === "host").length, 1);
});

Deno.test("a handle that throws as its guest ends keeps no other from being freed", () => {
  class Handle extends Waitable {
    readonly ready = true;
    dropped = false;
    constructor(readonly fails: boolean) {
      super();
    }
    override whenReady = () => Promise.resolve();
    override drop(): void {
      this.dropped = true;
      if (this.fails) fault();
    }
  }
  using b = bench();
  const handles = [new Handle(true), new Handle(false), new Handle(true)];
  for (const handle of handles) b.sandbox.handles.insert(handle);
  b.sandbox.end();
  assertEquals(handles.map(({ dropped }) => dropped), [true, true, true]);
  assertEquals(b.sandbox.requests.current.state, "closed");
  const told = b.logs.flatMap((entry) => entry.kind === "host" ? [entry.message] : []);
  assertEquals(told.length, 2, "each fault is logged once");
  for (const line of told) assertMatch(line, /^Cannot free a handle: Error: on purpose/);
});
