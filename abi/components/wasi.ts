/** Functions of WASI 0.2: clocks, randomness, environment, standard streams and timers. @module */
import { Stop } from "../../handles/stop.ts";
import { Waitable } from "../../handles/waitable.ts";
import type { Sandbox } from "../../handles/sandbox.ts";
import { firstReady } from "../../handles/waitable.ts";
import { refuse } from "../../service/errors.ts";
import { immediate, type Implementations, suspending } from "./define.ts";
import { NamedError } from "./errors.ts";
import { InputStream, OutputStream, ReadyPollable, TimerPollable } from "./resources.ts";

const NANOS = 1_000_000;
/** Maximum number of bytes that a stream takes in one call. */
const MAX_WRITTEN = 65_536n;
/** Maximum number of random bytes of one call. */
const MAX_RANDOM = 2 ** 24;

function random({ service }: Sandbox, length: bigint): Uint8Array {
  if (length > MAX_RANDOM) refuse("invalid", `Cannot give ${length} random bytes at a time`);
  return service.random.bytes(Number(length)).slice();
}

function random64(sandbox: Sandbox): bigint {
  return random(sandbox, 8n).reduce((number, byte) => number << 8n | BigInt(byte), 0n);
}

function monotonic({ service }: Sandbox): bigint {
  return BigInt(Math.round(service.clock.elapsed() * NANOS));
}

function timer(sandbox: Sandbox, nanos: bigint): Waitable {
  return nanos <= 0n
    ? new ReadyPollable()
    : new TimerPollable(sandbox.timer(Number(nanos) / NANOS));
}

function write(sandbox: Sandbox, { kind }: OutputStream, bytes: Uint8Array): void {
  sandbox.print(kind, bytes);
}

function zeroes(sandbox: Sandbox, stream: OutputStream, length: bigint): void {
  if (length > MAX_WRITTEN) refuse("invalid", `Cannot write ${length} zeros at a time`);
  write(sandbox, stream, new Uint8Array(Number(length)));
}

function atEnd(): never {
  throw new NamedError("closed", "Cannot read on: standard input has ended");
}

const ready = immediate(() => new ReadyPollable());
const nothing = immediate(() => undefined);
const ended = immediate(atEnd);
const bytes = immediate(random);
const number = immediate(random64);

export const WASI_FUNCTIONS: Readonly<Record<string, Implementations>> = {
  "wasi:io/error": { "[method]error.to-debug-string": immediate(() => "the stream has failed") },
  "wasi:io/poll": {
    "[method]pollable.ready": suspending((sandbox, item: Waitable) => sandbox.poll(item)),
    "[method]pollable.block": suspending((sandbox, item: Waitable) => firstReady([item], sandbox)),
    "poll": {
      ...suspending(async (sandbox, numbers: number[]) => {
        const items = numbers.map((number) => sandbox.handles.get(Waitable, number));
        if (!items.length) throw new TypeError("Cannot wait for nothing");
        await firstReady(items, sandbox);
        return items.flatMap(({ ready }, i) => ready ? [i] : []);
      }),
      byNumber: true,
    },
  },
  "wasi:io/streams": {
    "[method]input-stream.read": ended,
    "[method]input-stream.blocking-read": ended,
    "[method]input-stream.skip": ended,
    "[method]input-stream.blocking-skip": ended,
    "[method]input-stream.subscribe": ready,
    "[method]output-stream.check-write": immediate(() => MAX_WRITTEN),
    "[method]output-stream.write": immediate(write),
    "[method]output-stream.blocking-write-and-flush": immediate(write),
    "[method]output-stream.flush": nothing,
    "[method]output-stream.blocking-flush": nothing,
    "[method]output-stream.subscribe": ready,
    "[method]output-stream.write-zeroes": immediate(zeroes),
    "[method]output-stream.blocking-write-zeroes-and-flush": immediate(zeroes),
    "[method]output-stream.splice": ended,
    "[method]output-stream.blocking-splice": ended,
  },
  "wasi:clocks/monotonic-clock": {
    "now": immediate(monotonic),
    "resolution": immediate(() => 1n),
    "subscribe-instant": immediate((sandbox, when: bigint) =>
      timer(sandbox, when - monotonic(sandbox))
    ),
    "subscribe-duration": immediate((sandbox, when: bigint) => timer(sandbox, when)),
  },
  "wasi:clocks/wall-clock": {
    "now": immediate(({ service }) => {
      const ms = service.clock.now();
      const seconds = Math.floor(ms / 1000);
      return [BigInt(seconds), Math.floor((ms - seconds * 1000) * NANOS)];
    }),
    "resolution": immediate(() => [0n, 1000]),
  },
  "wasi:random/random": { "get-random-bytes": bytes, "get-random-u64": number },
  "wasi:random/insecure": {
    "get-insecure-random-bytes": bytes,
    "get-insecure-random-u64": number,
  },
  "wasi:random/insecure-seed": {
    "insecure-seed": immediate((sandbox) => [random64(sandbox), random64(sandbox)]),
  },
  "wasi:cli/environment": {
    "get-environment": immediate(({ service, id }) =>
      Object.entries(service.environment.variables(id))
    ),
    "get-arguments": immediate((
      { service: { options: { args = [] } } },
    ) => ["compute-app", ...args]),
    "initial-cwd": nothing,
  },
  "wasi:cli/exit": {
    "exit": immediate((_, { ok }: { ok: boolean }) => exit(ok ? 0 : 1)),
    "exit-with-code": immediate((_, code: number) => exit(code)),
  },
  "wasi:cli/stdin": { "get-stdin": immediate(() => new InputStream()) },
  "wasi:cli/stdout": { "get-stdout": immediate(() => new OutputStream("stdout")) },
  "wasi:cli/stderr": { "get-stderr": immediate(() => new OutputStream("stderr")) },
  "wasi:cli/terminal-stdin": { "get-terminal-stdin": nothing },
  "wasi:cli/terminal-stdout": { "get-terminal-stdout": nothing },
  "wasi:cli/terminal-stderr": { "get-terminal-stderr": nothing },
  "wasi:filesystem/preopens": { "get-directories": immediate(() => []) },
};

function exit(code: number): never {
  throw new Stop(`The guest exited with status ${code}`, code);
}
