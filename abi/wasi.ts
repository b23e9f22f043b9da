/**
 * `wasi_snapshot_preview1`: arguments, environment, clocks, randomness, standard streams and timers; its files are in
 * `_wasi_files.ts`.
 *
 * @module
 */
import type { Sandbox } from "../handles/sandbox.ts";
import { Stop } from "../handles/stop.ts";
import { concat } from "../service/bytes.ts";
import { refuse } from "../service/errors.ts";
import { utf8 } from "../service/utf8.ts";
import { type Input, type Namespace, namespace, type Output } from "./_define.ts";
import { environmentOf } from "./_environment.ts";
import { span, u32, u64, unsigned } from "./_in.ts";
import * as out from "./_out.ts";
import { call, errnoOf, wait } from "./_wasi_errno.ts";
import { entitled, fileCalls } from "./_wasi_files.ts";
import { pollOneoff } from "./_wasi_poll.ts";

const MOST_RANDOM = 65_536;
const NANOS = 1_000_000;

/** Strings with their NULs, one behind the other, and a pointer to each. */
const strings: Output<readonly string[]> = {
  words: ["i32", "i32"],
  write({ memory }, args, at, values) {
    let text = unsigned(args, at + 1);
    values.map(terminated).forEach((bytes, i) => {
      memory.setU32(unsigned(args, at) + i * 4, text);
      memory.setBytes(text, bytes);
      text += bytes.length;
    });
  },
};
const sizes: Output<readonly string[]> = {
  words: ["i32", "i32"],
  write({ memory }, args, at, values) {
    memory.setU32(unsigned(args, at), values.length);
    const bytes = values.reduce((sum, value) => sum + terminated(value).length, 0);
    memory.setU32(unsigned(args, at + 1), bytes);
  },
};
/** The buffers of a scattered write, copied as one. */
const gathered: Input<Uint8Array> = {
  words: ["i32", "i32"],
  read(sandbox, args, at) {
    const { memory } = sandbox;
    const ptr = unsigned(args, at);
    const count = unsigned(args, at + 1);
    if (ptr + count * 8 > memory.size) refuse("invalid", "Cannot reach the buffers to write");
    let total = 0;
    const buffers = Array.from({ length: count }, (_, i) => {
      const length = memory.u32(ptr + i * 8 + 4);
      total += length;
      // The same bytes over and over would fill the host's memory.
      if (total > memory.size) refuse("invalid", "Cannot write more than all of the memory");
      return memory.bytes(memory.u32(ptr + i * 8), length);
    });
    return concat(buffers);
  },
};

export const wasi: Namespace = namespace("wasi_snapshot_preview1", {
  ...fileCalls,

  args_get: call([], strings, programArguments),
  args_sizes_get: call([], sizes, programArguments),
  environ_get: call([], strings, environment),
  environ_sizes_get: call([], sizes, environment),

  clock_res_get: call([u32], out.u64, (sandbox, id) => {
    clock(sandbox, id);
    return 1000n;
  }),
  /** Nanoseconds. The precision asked for does not matter. */
  clock_time_get: call([u32, u64], out.u64, (sandbox, id) => clock(sandbox, id)),

  random_get: call([span], out.none, ({ service }, buf) => {
    const bytes = new Uint8Array(buf.length);
    (service.options.random ?? fillRandom)(bytes);
    buf.fill(bytes);
  }),

  /** Standard output and error; each line becomes a log entry. */
  fd_write: call([u32, gathered], out.u32, (sandbox, fd, bytes) => {
    const { kind } = entitled(sandbox, fd, "fd_write");
    if (kind !== "stdout" && kind !== "stderr") {
      refuse("bad-handle", `Cannot write to descriptor ${fd}`);
    }
    sandbox.print(kind, bytes);
    return bytes.length;
  }),
  /** Standard input is empty. */
  fd_read: call([u32, u32, u32], out.u32, (sandbox, fd) => {
    const { kind } = entitled(sandbox, fd, "fd_read");
    if (kind !== "stdin") refuse("bad-handle", `Cannot read from descriptor ${fd}`);
    return 0;
  }),

  poll_oneoff: wait(
    [u32, u32, u32],
    out.u32,
    (sandbox, input, output, count) =>
      pollOneoff(sandbox, input, output, count, {
        realTime: () => realTime(sandbox),
        errorOf: (fd) => pollError(sandbox, fd),
      }),
  ),
  sched_yield: call([], out.none, () => {}),
  proc_exit: call([u32], out.none, (_, code) => {
    throw new Stop(`The guest exited with status ${code}`, code);
  }),
  proc_raise: call([u32], out.none, () => refuse("unsupported", "Cannot raise a signal")),
});

/** The error number of an event that a guest waits for on a descriptor. */
function pollError(sandbox: Sandbox, fd: number): number {
  try {
    const { kind } = entitled(sandbox, fd, "poll_fd_readwrite");
    if (kind === "directory") refuse("bad-handle", "Cannot wait for a directory");
    return 0;
  } catch (error) {
    return errnoOf(error);
  }
}

function fillRandom(bytes: Uint8Array<ArrayBuffer>): void {
  for (let at = 0; at < bytes.length; at += MOST_RANDOM) {
    crypto.getRandomValues(bytes.subarray(at, at + MOST_RANDOM));
  }
}

function terminated(text: string): Uint8Array {
  return utf8(`${text}\0`);
}

function programArguments({ service }: Sandbox): string[] {
  return ["compute-app", ...service.options.args ?? []];
}

function environment(sandbox: Sandbox): string[] {
  return Object.entries(environmentOf(sandbox)).map(([name, value]) => `${name}=${value}`);
}

function clock(sandbox: Sandbox, id: number): bigint {
  switch (id) {
    case 0: // real time
      return BigInt(Math.round(realTime(sandbox) * 1000)) * 1000n;
    case 1: // monotonic
      return BigInt(Math.round(performance.now() * NANOS));
    case 2: // the process's and the thread's processor time
    case 3:
      return BigInt(Math.round(sandbox.activeMs * NANOS));
    default:
      return refuse("invalid", `Cannot tell the time of clock ${id}`);
  }
}

/** Milliseconds since 1970. */
function realTime({ service }: Sandbox): number {
  return service.options.clock?.() ?? performance.timeOrigin + performance.now();
}
