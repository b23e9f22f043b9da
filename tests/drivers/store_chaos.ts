// Runs two hosts of two workers each over one store, which is stopped, killed, slowed and filled while they serve:
//
//   deno task chaos [seconds]
//
// Fails if a write that was acknowledged is not read, if a counter lets pass more than its window allows, if a purge that
// was acknowledged is not one, if a request takes too long, or if the hosts do not come back by themselves.
import { assert } from "../assert.ts";
import { type CliServer, serveRust } from "../process.ts";
import { type Redis, startRedis } from "./redis/_redis.ts";

/** Milliseconds that a request may take: the store's time limit is 1 second, and a request asks it a few times. */
const REQUEST = 10_000;
/** Milliseconds in which the hosts are back after a fault. */
const RETURN = 15_000;
/** Milliseconds in which a purge is everywhere: also with a host that is just finding out that the store is back. */
const PURGED = 5_000;
/** Maximum number of checks of one entry that pass in 10 seconds. */
const LIMIT = 10;
/** Checks of one entry, which take far less than 10 seconds. */
const CHECKS = 40;

/** Faults of the store, one after another. */
const FAULTS: Readonly<Record<string, (store: Redis) => Promise<void>>> = {
  async stopped(store) {
    store.kill("SIGSTOP");
    await pause(1500);
    store.kill("SIGCONT");
  },
  async killed(store) {
    store.kill("SIGKILL");
    await pause(500);
    await store.restart();
  },
  async slowed(store) {
    for (let i = 0; i < 4; i++) {
      await store.ask("CLIENT", "PAUSE", "300", "ALL");
      await pause(400);
    }
  },
  async filled(store) {
    await store.ask("CONFIG", "SET", "maxmemory", "1");
    await pause(1500);
    await store.ask("CONFIG", "SET", "maxmemory", "0");
  },
};

/** Result of a run. */
interface ChaosCounts {
  readonly requests: number;
  /** Requests that the store's faults have failed. */
  readonly failed: number;
  readonly writes: number;
  readonly entries: number;
  readonly purges: number;
  /** Longest request, in milliseconds. */
  readonly longest: number;
}

/** @param seconds How long the faults go on; each comes once at least, and again until all clients have done much. */
export async function storeChaos(seconds: number): Promise<ChaosCounts> {
  await using store = await startRedis({ settings: { appendonly: "yes", appendfsync: "always" } });
  const flags = ["--kv", "settings", "--store", store.url, "--workers", "2"];
  flags.push("--on-store-failure", "refuse", "--log-format", "text");
  await using one = await serveRust(flags);
  await using other = await serveRust(flags);
  const run = new ChaosRun([one, other]);
  const clients = [
    ...[0, 1].map((id) => run.writes(id)),
    ...[0, 1].map((id) => run.counts(id)),
    run.purges(),
  ];
  const end = performance.now() + seconds * 1000;
  try {
    do {
      for (const [name, fault] of Object.entries(FAULTS)) {
        await Promise.race([fault(store), ...clients]);
        await run.isBack(name);
      }
    } while (performance.now() < end || !run.hasTriedMuch);
  } finally {
    run.over = true;
  }
  await Promise.all(clients);
  await run.checkWrites();
  return run.counted;
}

class ChaosRun {
  over = false;
  readonly counted = { requests: 0, failed: 0, writes: 0, entries: 0, purges: 0, longest: 0 };
  readonly #hosts: readonly CliServer[];
  /** By key: the last number that was acknowledged, and the last that was tried. */
  readonly #written = new Map<string, { acknowledged: number; tried: number }>();

  constructor(hosts: readonly CliServer[]) {
    this.#hosts = hosts;
  }

  get hasTriedMuch(): boolean {
    const { writes, entries, purges, failed } = this.counted;
    return writes > 20 && entries > 2 && purges > 2 && failed > 2;
  }

  /** Writes growing numbers by one host, and reads each by the other. */
  async writes(id: number): Promise<void> {
    for (let number = 1; !this.over; number++) {
      const key = `${id}-${number % 5}`;
      const known = this.#written.get(key) ?? { acknowledged: 0, tried: 0 };
      this.#written.set(key, known);
      known.tried = number;
      // Another one that was not acknowledged may be done yet, but never over this one.
      const put = await this.#ask(number, `/kv/put?key=${key}`, {
        method: "PUT",
        body: `${number}`,
      });
      if (put.status === 200) {
        this.counted.writes++;
        known.acknowledged = number;
      }
      await this.#check(number + 1, key);
    }
  }

  async #check(host: number, key: string): Promise<boolean> {
    const { acknowledged, tried } = this.#written.get(key)!;
    const { status, text } = await this.#ask(host, `/kv/get?key=${key}`);
    if (status >= 500) return false;
    const found = status === 404 ? 0 : Number(text);
    assert(
      found >= acknowledged && found <= tried,
      `${key}: ${found} of ${acknowledged}..${tried}`,
    );
    return true;
  }

  async checkWrites(): Promise<void> {
    for (const key of this.#written.keys()) {
      for (const host of [0, 1]) while (!await this.#check(host, key)) await pause(100);
    }
  }

  /** Counts one entry after another by both hosts. */
  async counts(id: number): Promise<void> {
    for (let number = 0; !this.over; number++) {
      const path = `/rate/check?entry=${id}-${number}&delta=1&limit=${LIMIT / 10}`;
      const start = performance.now();
      let passed = 0;
      for (let i = 0; i < CHECKS; i++) {
        const { status, text } = await this.#ask(i, path);
        if (performance.now() - start > 8_000) break; // this one may be of the next 10 seconds
        if (status === 200 && text.startsWith("allowed")) passed++;
      }
      this.counted.entries++;
      assert(passed <= LIMIT, `${passed} have passed of an entry that ${LIMIT} may`);
    }
  }

  /** Stores an object by one host, has the other purge it, and asks both. */
  async purges(): Promise<void> {
    for (let number = 0; !this.over; number++) {
      const key = `c${number}`;
      const insert = `/cache/insert?key=${key}&keys=${key}`;
      await this.#ask(number, insert, { method: "POST", body: key });
      await this.#ask(number + 1, `/cache/lookup?key=${key}`);
      if ((await this.#ask(number + 1, `/cache/purge?key=${key}`)).status !== 200) continue;
      this.counted.purges++;
      const start = performance.now();
      for (let host = 0; host < 2;) {
        const { text } = await this.#ask(host, `/cache/lookup?key=${key}`);
        if (text !== key) host++;
        else assert(performance.now() - start < PURGED, `${key} is served after its purge`);
      }
    }
  }

  /** Waits until both hosts read and write again. */
  async isBack(fault: string): Promise<void> {
    const start = performance.now();
    for (let host = 0; host < 2;) {
      const put = await this.#ask(host, "/kv/put?key=back", { method: "PUT", body: fault });
      if (put.status === 200) host++;
      else {
        assert(
          performance.now() - start < RETURN,
          `a host is not back from a store that was ${fault}`,
        );
        await pause(100);
      }
    }
  }

  async #ask(host: number, path: string, init: RequestInit = {}) {
    const start = performance.now();
    // A host that does not answer fails the run.
    const signal = AbortSignal.timeout(REQUEST);
    const answer = await this.#hosts[host % 2]!.ask(path, { ...init, signal });
    this.counted.longest = Math.max(this.counted.longest, Math.round(performance.now() - start));
    this.counted.requests++;
    if (answer.status >= 500) this.counted.failed++;
    return answer;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (import.meta.main) {
  // deno-lint-ignore no-console
  console.log(await storeChaos(Number(Deno.args[0] ?? 600)));
}
