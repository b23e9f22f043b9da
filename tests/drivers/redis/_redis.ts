import { assert } from "../../assert.ts";

/** A server that a test has started. */
export interface Redis extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Sends it a signal: SIGSTOP and SIGCONT have it stand still for a while. */
  kill(signal: Deno.Signal): void;
  /** Starts it again on the same port, with the data in its files. */
  restart(): Promise<void>;
  /** Sends a command to the server directly, without the driver. */
  ask(...command: readonly string[]): Promise<string>;
}

/** Settings of {@linkcode startRedis}. */
interface RedisSettings {
  /** The program, `redis-server` or `redis-sentinel`. */
  readonly program?: string;
  /** Settings of the server by their names, without dashes. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Lines of its file of settings, for settings that the command line lacks. */
  readonly lines?: readonly string[];
}

/**
 * Time limits of calls, in milliseconds, for {@linkcode openRedis}: of tests in which the server answers, and of those in
 * which it is to be missed. The machine may hold up either process for a second or two.
 */
export const PATIENT = { timeout: 30_000 };
export const IMPATIENT = { timeout: 2_000 };

/** Whether Redis is installed here. CI installs it, so that no test is left out there. */
const hasRedis: boolean = await runs("redis-server");

/** Milliseconds: many times the duration of the slowest test. */
const MOST = 180_000;

/** As `Deno.test`, for a test that needs a server: left out where there is none. */
export function redisTest(name: string, run: () => Promise<void>): void {
  const left = hasRedis ? "" : " (left out: apt-get install redis-server redis-sentinel)";
  Deno.test({ name: name + left, ignore: !hasRedis, fn: run, timeout: MOST });
}

async function runs(program: string): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(program, { args: ["--version"] }).output();
    return success;
  } catch {
    return false;
  }
}

/** Starts a server on a free port. Its data is in a folder that is removed with it. */
export async function startRedis(settings: RedisSettings = {}): Promise<Redis> {
  const folder = await Deno.makeTempDir();
  for (;;) {
    const port = freePort();
    const child = await run(settings, port, folder);
    if (child) return new Server(settings, port, folder, child);
  }
}

/** A server for the tests of a file, which ends with them. */
export async function sharedRedis(settings: RedisSettings = {}): Promise<Redis | undefined> {
  if (!hasRedis) return undefined;
  const server = await startRedis(settings) as Server;
  server.unref();
  globalThis.addEventListener("unload", () => server.end());
  return server;
}

class Server implements Redis {
  readonly port: number;
  readonly #settings: RedisSettings;
  readonly #folder: string;
  #child: Deno.ChildProcess;

  constructor(settings: RedisSettings, port: number, folder: string, child: Deno.ChildProcess) {
    this.#settings = settings;
    this.port = port;
    this.#folder = folder;
    this.#child = child;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  async restart(): Promise<void> {
    await this.#child.status;
    let child;
    while (!child) child = await run(this.#settings, this.port, this.#folder);
    this.#child = child;
  }

  async ask(...command: readonly string[]): Promise<string> {
    const { requirepass } = this.#settings.settings ?? {};
    const { stdout } = await new Deno.Command("redis-cli", {
      args: ["-p", `${this.port}`, ...command],
      ...requirepass !== undefined && { env: { REDISCLI_AUTH: requirepass } },
    }).output();
    return new TextDecoder().decode(stdout).trim();
  }

  /** Has the process not wait for it. */
  unref(): void {
    this.#child.unref();
  }

  end(): void {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    Deno.removeSync(this.#folder, { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#child.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Starts it, and waits until it serves. Undefined if something else has its port. */
async function run(
  { program = "redis-server", settings = {}, lines = [] }: RedisSettings,
  port: number,
  folder: string,
): Promise<Deno.ChildProcess | undefined> {
  const file = `${folder}/redis.conf`;
  const all = { port: `${port}`, bind: "127.0.0.1", dir: folder, save: '""', ...settings };
  const text = Object.entries(all).map(([name, value]) => `${name} ${value}`).concat(lines);
  // A Sentinel writes its state into its file.
  await Deno.writeTextFile(file, text.filter((line) => !line.endsWith(" -")).join("\n") + "\n");
  const child = new Deno.Command(program, { args: [file], stdout: "piped" }).spawn();
  let said = "";
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const ready = program === "redis-sentinel" ? /Sentinel ID|\+monitor/ : /Ready to accept/;
  for (;;) {
    const { value, done } = await reader.read();
    said += value ?? "";
    if (ready.test(said)) break;
    if (!done) continue;
    await child.status;
    assert(/already in use|Failed listening/.test(said), `Redis does not start: ${said}`);
    return undefined;
  }
  void drain(reader);
  return child;
}

async function drain(reader: ReadableStreamDefaultReader<string>): Promise<void> {
  while (!(await reader.read()).done);
}

/** A port that is free at the moment. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
