/**
 * Kills of workers while clients send requests, and the requests that are lost by that.
 *
 * @module
 */
import { assert, assertEquals } from "../../assert.ts";
import { Wire } from "../../server/wire.ts";
import { Kept, until, WorkersSite } from "./site.ts";

const RUST = new URL("../../../testdata/built/rust.wasm", import.meta.url).pathname;
/** Requests that a client sends on one connection. */
const ON_ONE = 50;

/** Result of {@linkcode killWorkers}. */
interface KillsSeen {
  readonly kills: number;
  readonly answered: number;
  /** Requests without a response: all of killed workers. */
  readonly lost: number;
  readonly millis: number;
}

/** Responses that clients have got. Ids of requests begin with the id of their worker. */
class Seen {
  answered = 0;
  lost = 0;
  readonly kills: number[] = [];
  /** Workers of which a request was lost, with the time of the first. */
  readonly dead = new Map<string, number>();
  readonly wrong: string[] = [];

  answer(worker: string, sent: number): void {
    this.answered++;
    const died = this.dead.get(worker);
    if (died !== undefined && sent > died) this.wrong.push(`${worker} lost a request, and lives`);
  }

  /** @param opened When the connection was opened: all its requests are of the worker that has accepted it. */
  lose(worker: string | undefined, opened: number, now: number, error: unknown): void {
    this.lost++;
    if (worker !== undefined && !this.dead.has(worker)) this.dead.set(worker, now);
    if (this.kills.some((kill) => kill >= opened && kill <= now)) return;
    this.wrong.push(`a request was lost without a kill, of ${worker}: ${error}`);
  }
}

/**
 * Kills workers one after another under load, each when all places are filled.
 *
 * @throws {AssertionError} If a request is lost that no killed worker had, or the supervisor ends.
 */
export async function killWorkers(
  { kills, workers, clients }: { kills: number; workers: number; clients: number },
): Promise<KillsSeen> {
  await using site = await WorkersSite.start(workers, [RUST]);
  const seen = new Seen();
  const began = performance.now();
  let over = false;
  const running = Array.from({ length: clients }, async () => {
    while (!over) await sendOnOne(site.port, seen, () => over);
  });
  for (let i = 0; i < kills; i++) {
    const alive = await site.workers();
    const victim = alive[Math.floor(Math.random() * alive.length)]!;
    const answered = seen.answered;
    // The time is taken before: a request may be lost, and that be seen, at once.
    seen.kills.push(performance.now());
    Deno.kill(victim.pid, "SIGKILL");
    await until(async () => await site.metric("fastlike_worker_deaths_total") === i + 1);
    await site.whole(workers);
    await until(() => seen.answered > answered);
  }
  over = true;
  await Promise.all(running);
  assertEquals(seen.wrong, []);
  assertEquals(await site.metric("fastlike_worker_deaths_total"), kills);
  const millis = performance.now() - began;
  site.cli.signal("SIGTERM");
  assertEquals((await site.cli.end()).code, 0);
  const { answered, lost } = seen;
  assert(lost <= kills * clients, `${lost} requests are lost`);
  return { kills, answered, lost, millis };
}

/** Sends requests on a connection until it ends. */
async function sendOnOne(port: number, seen: Seen, over: () => boolean): Promise<void> {
  let worker: string | undefined;
  const opened = performance.now();
  try {
    using kept = new Kept(await Wire.open(port));
    for (let i = 0; i < ON_ONE && !over(); i++) {
      const sent = performance.now();
      const { status, text, closes } = await kept.get("/env");
      assertEquals(status, 200);
      const [, id] = /FASTLY_TRACE_ID=([0-9a-f]{24})/.exec(text) ?? [];
      assert(id, text);
      seen.answer(worker = id, sent);
      if (closes) return;
    }
  } catch (error) {
    seen.lose(worker, opened, performance.now(), error);
  }
}
