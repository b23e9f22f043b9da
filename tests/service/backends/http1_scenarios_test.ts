import type { BackendRequest, Transport } from "../../../service/backends/transport.ts";
import { SendError } from "../../../service/errors.ts";
import { isWhole } from "../../../service/http/bytes.ts";
import { assert, assertEquals } from "../../assert.ts";
import { createAuthority } from "../../certificates.ts";
import * as fc from "../../properties.ts";
import { against, OK, request, sourceFrom, textOf, type Wire } from "./origins.ts";
import { receive } from "./received_requests.ts";

/** One request, with the behaviour of its guest and its backend. */
interface Scenario {
  readonly method: "GET" | "HEAD" | "PUT" | "POST";
  readonly upload: "none" | "whole" | "long" | "stream" | "stream that fails" | "endless stream";
  /** Whether the backend answers before it reads the content. */
  readonly early: boolean;
  readonly informational: number;
  readonly framing: "length" | "chunks" | "close";
  readonly size: number;
  /** Places at which the response is cut into writes, in hundredths. */
  readonly cuts: readonly number[];
  /** Behaviour of the backend at the end. */
  readonly end: "keeps" | "says that it closes" | "closes" | "adds bytes" | "cuts" | "is silent";
  /** Behaviour of the guest. */
  readonly guest:
    | "reads"
    | "reads late"
    | "cancels at once"
    | "cancels soon"
    | "cancels at the head"
    | "drops it";
}

const scenarios = fc.array(
  fc.record<Scenario>({
    method: fc.constantFrom("GET", "GET", "HEAD", "PUT", "POST"),
    upload: fc.constantFrom(
      ...["none", "none", "none", "whole", "long", "stream"] as const,
      ...["stream that fails", "endless stream"] as const,
    ),
    early: fc.boolean(),
    informational: fc.constantFrom(0, 0, 1, 3),
    framing: fc.constantFrom("length", "length", "chunks", "close"),
    size: fc.constantFrom(0, 5, 20_000, 70_000, 700_000),
    cuts: fc.array(fc.nat(99), { maxLength: 3 }),
    end: fc.constantFrom(
      ...["keeps", "keeps", "keeps", "says that it closes"] as const,
      ...["closes", "adds bytes", "cuts", "is silent"] as const,
    ),
    guest: fc.constantFrom(
      ...["reads", "reads", "reads late", "cancels at once"] as const,
      ...["cancels soon", "cancels at the head", "drops it"] as const,
    ),
  }),
  { minLength: 2, maxLength: 6 },
);

function contentOf(id: number, { size }: Scenario): string {
  return size ? `${id}:`.padEnd(size, `${id}`) : "";
}

/** Returns the bytes of the response to a scenario. */
function responseTo(id: number, scenario: Scenario): string {
  const { framing, informational, method, end } = scenario;
  const content = contentOf(id, scenario);
  const head = "HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n".repeat(informational) +
    `HTTP/1.1 200 OK\r\nX-Id: ${id}\r\n` +
    (end === "says that it closes" ? "Connection: close\r\n" : "");
  if (framing === "chunks") {
    const half = content.slice(0, content.length >> 1);
    const chunks = [half, content.slice(half.length)].filter((chunk) => chunk)
      .map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
    const coded = `${head}Transfer-Encoding: chunked\r\n\r\n`;
    return method === "HEAD" ? coded : `${coded}${chunks.join("")}0\r\n\r\n`;
  }
  const framed = framing === "close"
    ? `${head}\r\n`
    : `${head}Content-Length: ${content.length}\r\n\r\n`;
  return method === "HEAD" ? framed : framed + content;
}

/** Whether the connection of a scenario carries no other request, by its own message. */
function ends({ end, framing, method }: Scenario): boolean {
  return end !== "keeps" || framing === "close" && method !== "HEAD";
}

/** Answers a request as its scenario says; resolves to whether the connection stays. */
async function answer(wire: Wire, id: number, scenario: Scenario): Promise<boolean> {
  const { cuts, end } = scenario;
  if (end === "is silent") {
    await wire.rest();
    return false;
  }
  const bytes = responseTo(id, scenario);
  const last = end === "cuts" ? bytes.length >> 1 : bytes.length;
  const places = [...cuts.map((cut) => Math.floor(cut / 100 * last)).sort((a, b) => a - b), last];
  let from = 0;
  for (const to of places) {
    // Bytes that came later could only be taken for the response to the next request.
    const more = to === last && end === "adds bytes" ? OK : "";
    await wire.write(bytes.slice(from, to) + more);
    await new Promise((resolve) => setTimeout(resolve));
    from = to;
  }
  return !ends(scenario);
}

function uploadOf({ upload }: Scenario): BackendRequest["body"] | string {
  if (upload === "none") return "";
  if (upload === "whole") return "hello";
  if (upload === "long") return "x".repeat(3 << 20);
  return sourceFrom(async function* () {
    yield "part";
    yield "x".repeat(100_000);
    if (upload === "endless stream") await new Promise(() => {});
    if (upload === "stream that fails") throw new Error("The guest has ended");
  }());
}

/** Sends a request and behaves like its guest; resolves to the content, or its failure. */
async function play(
  transport: Transport,
  id: number,
  scenario: Scenario,
): Promise<string | SendError> {
  const { method, guest } = scenario;
  const body = uploadOf(scenario);
  const inFlight = transport.send(request({ method, headers: ["X-Id", `${id}`], body }));
  try {
    if (guest === "cancels at once") inFlight.cancel();
    const isStuck = scenario.end === "is silent" || scenario.upload === "endless stream";
    if (guest === "cancels soon" || isStuck) setTimeout(() => inFlight.cancel(), 5);
    const response = await inFlight.response;
    assertEquals(response.headers.get("x-id"), `${id}`);
    if (guest === "cancels at the head") inFlight.cancel();
    if (guest === "reads late") await new Promise((resolve) => setTimeout(resolve, 5));
    if (guest === "drops it" && !isWhole(response.body)) {
      await response.body.read();
      response.body.cancel();
      return contentOf(id, scenario);
    }
    return await textOf(response);
  } catch (error) {
    if (error instanceof SendError) return error;
    throw error;
  } finally {
    inFlight.cancel(); // as at a guest's end
  }
}

function isRepeatable({ method, upload }: Scenario): boolean {
  return method !== "POST" && !upload.includes("stream");
}

/** Whether a request may get a connection that its backend has closed after another one, without saying so before. */
function meetsDead(scenario: Scenario, all: readonly Scenario[]): boolean {
  return all.some((other) =>
    other !== scenario && ends(other) && other.end !== "says that it closes"
  );
}

/** Whether a request may fail: by itself, or for a dead connection. */
function mayFail(scenario: Scenario, all: readonly Scenario[]): boolean {
  const { guest, end, upload } = scenario;
  return guest.startsWith("cancels") || /cuts|silent|adds/.test(end) ||
    upload === "stream that fails" || upload === "endless stream" ||
    !isRepeatable(scenario) && meetsDead(scenario, all);
}

/** Returns the handler of an origin that plays its part; it counts the arrivals of each request. */
function originOf(all: readonly Scenario[], arrived: number[]): (wire: Wire) => Promise<void> {
  return async (wire) => {
    for (let stays = true; stays;) {
      let id = -1;
      const asked = await receive(wire, async (head) => {
        id = Number(/X-Id: (\d+)/.exec(head)?.[1] ?? -1);
        if (id < 0) return;
        arrived[id]!++;
        if (all[id]!.early) stays = await answer(wire, id, all[id]!).catch(() => false);
      }).catch(() => undefined);
      if (!asked?.[1].ends) return;
      if (id < 0) await wire.write(OK).catch(() => {});
      else if (!all[id]!.early) stays = await answer(wire, id, all[id]!).catch(() => false);
    }
  };
}

/** Checks the outcome of a request. */
function judge(id: number, outcome: string | SendError, all: readonly Scenario[]): void {
  const scenario = all[id]!;
  const { method, framing, end, guest } = scenario;
  if (typeof outcome !== "string") {
    return assert(mayFail(scenario, all), `request ${id} failed: ${outcome.message}`);
  }
  const content = method === "HEAD" ? "" : contentOf(id, scenario);
  // Nothing shows that content which ends with its connection was cut, or that more follows.
  const fits = framing === "close" && /cuts|adds/.test(end)
    ? (content + OK).startsWith(outcome)
    : outcome === content || guest === "drops it";
  assert(fits, `request ${id} got ${outcome.length} bytes: ${outcome.slice(0, 99)}`);
}

/** Plays the guests' parts; then each place in the pool, or its connection, must be free again. */
async function run(
  transport: Transport,
  all: readonly Scenario[],
  limit: number,
  atOnce: boolean,
): Promise<void> {
  const playing = all.map((scenario, id) => async () =>
    judge(id, await play(transport, id, scenario), all)
  );
  if (atOnce) await Promise.all(playing.map((play) => play()));
  else for (const play of playing) await play();
  const put = () => transport.send(request({ method: "PUT" })).response;
  const texts = Array.from({ length: limit }, async () => await textOf(await put()));
  assertEquals(await Promise.all(texts), texts.map(() => "ok"));
}

const authority = await createAuthority();
const identity = await authority.issue(["ip:127.0.0.1"]);

for (const [over, secure, numRuns] of [["TCP", false, 150], ["TLS", true, 50]] as const) {
  const limits = fc.integer({ min: 1, max: 3 });
  const property = fc.asyncProperty(
    scenarios,
    limits,
    fc.boolean(),
    async (all, maxConnections, atOnce) => {
      const arrived = all.map(() => 0);
      const test = (transport: Transport) => run(transport, all, maxConnections, atOnce);
      await against(originOf(all, arrived), test, {
        pool: { maxConnections },
        timeouts: { connect: 10_000 },
        http2: false,
        tls: { ca: authority.ca },
      }, secure ? { identity } : {});
      for (const [id, count] of arrived.entries()) {
        const most = isRepeatable(all[id]!) && meetsDead(all[id]!, all) ? 2 : 1;
        assert(count <= most, `request ${id} was sent ${count} times`);
      }
    },
  );
  Deno.test(`requests over ${over} in random scenarios get their own responses, once, and leave room`, () =>
    fc.assert(property, { numRuns }));
}
