import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { listen } from "../../server/listener.ts";
import type { AccessEntry } from "../../server/listen_options.ts";
import { limitsOf } from "../../service/limits.ts";
import {
  Fastlike,
  type FastlikeOptions,
  type LogEntry,
  ProgramCache,
  type Source,
} from "../../mod.ts";

const BUILT = new URL("../../testdata/built/", import.meta.url);

/** Returns the URL of a built guest. */
export function guestUrl(name: string): URL {
  return new URL(`${name}.wasm`, BUILT);
}

const MODES = { auto: "", snapshot: ", put back as a whole", never: ", in a new instance each" };

/** Way in which the guest of the running test is served. */
let reuse: "auto" | "snapshot" | "never" = "auto";

/**
 * Tests of one guest, with its instances reused (put back either way) and not; skipped with advice if the guest
 * is not built.
 */
export function testGuest(
  name: string,
  title: string,
  fn: (t: Deno.TestContext) => Promise<void>,
): void {
  for (const [mode, suffix] of Object.entries(MODES) as [typeof reuse, string][]) {
    testMode(name, title, fn, mode, suffix);
  }
}

/**
 * A test of one guest for which it does not matter how its instances are put back; skipped as those of {@linkcode
 * testGuest}.
 */
export function testGuestOnce(
  name: string,
  title: string,
  fn: (t: Deno.TestContext) => Promise<void>,
): void {
  testMode(name, title, fn, "auto", "");
}

function testMode(
  name: string,
  title: string,
  fn: (t: Deno.TestContext) => Promise<void>,
  mode: typeof reuse,
  suffix: string,
): void {
  const built = exists(guestUrl(name));
  Deno.test({
    name: `${name}: ${title}${suffix}${built ? "" : " (skipped: run deno task guests)"}`,
    ignore: !built,
    async fn(t) {
      reuse = mode;
      await fn(t);
    },
  });
}

function exists(url: URL): boolean {
  try {
    return Deno.statSync(url).isFile;
  } catch {
    return false;
  }
}

/** Guest that answers on a port of its own, and its log. */
export interface Served extends AsyncDisposable {
  readonly port: number;
  readonly app: Fastlike;
  readonly entries: LogEntry[];
  readonly lines: AccessEntry[];
  /** Waits until the access log has so many lines: a client may have a response before the server knows that it went out. */
  lined(count: number): Promise<AccessEntry[]>;
  /** Resolves once an entry is there for which `test` holds. */
  logged(test: (entry: LogEntry) => boolean): Promise<LogEntry>;
}

/** Compiled programs of a file's tests: the large guests take a second each to compile. */
const programs = new ProgramCache();

/** Serves a built guest over a socket with the listener of the executable. */
export function serveGuest(name: string, options: FastlikeOptions = {}): Promise<Served> {
  return serveProgram(guestUrl(name), { reuse, ...options });
}

/** Serves a program over a socket with the listener of the executable. */
export async function serveProgram(source: Source, options: FastlikeOptions): Promise<Served> {
  const entries: LogEntry[] = [];
  const lines: AccessEntry[] = [];
  const watchers = new Set<() => void>();
  let more = Promise.withResolvers<void>();
  const app = await Fastlike.load(source, {
    programs,
    ...options,
    log: (entry) => {
      entries.push(entry);
      for (const watcher of watchers) watcher();
    },
  });
  const listener = await listen({
    hostname: "127.0.0.1",
    port: 0,
    answer: (exchange) => app.answer(exchange),
    access(entry) {
      lines.push(entry);
      more.resolve();
      more = Promise.withResolvers();
    },
    stallTime: limitsOf(options.limits).stall_time,
    stalled: (exchange, what) => app.stalled(exchange, what),
  });
  return {
    port: listener.port,
    app,
    entries,
    lines,
    async lined(count) {
      while (lines.length < count) await more.promise;
      return lines;
    },
    logged(test) {
      return new Promise((resolve) => {
        const look = () => {
          const found = entries.find(test);
          if (!found) return;
          watchers.delete(look);
          resolve(found);
        };
        watchers.add(look);
        look();
      });
    },
    async [Symbol.asyncDispose]() {
      await listener.drain(0);
      await app[Symbol.asyncDispose]();
    },
  };
}

/** Waits until so many guests run, each of which has come to its first wait. */
export async function running({ app }: Served, count: number): Promise<void> {
  const now = () => app.status().instances.live - app.status().instances.idle;
  while (now() !== count) await new Promise((resolve) => setTimeout(resolve));
}

/** A request that an origin has had, as it was on the wire. */
interface Seen {
  readonly method: string;
  readonly target: string;
  /** Names and values in order. */
  readonly headers: readonly string[];
  readonly body: string;
}

/** An origin with real sockets. `seen` has its requests, in order of the ends of their bodies. */
export interface Origin extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly seen: Seen[];
}

/** Starts an origin; `answer` may be called before the body has come. */
export async function startOrigin(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Origin> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Uint8Array) => body += new TextDecoder().decode(chunk));
    request.on("end", () =>
      seen.push({
        method: request.method!,
        target: request.url!,
        headers: request.rawHeaders,
        body,
      }));
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
