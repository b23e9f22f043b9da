/**
 * `wasi_snapshot_preview1`: arguments, environment, clocks, randomness, standard streams and timers. Files are in
 * `_wasi_files.ts`.
 *
 * @module
 */
import type { Sandbox } from "../handles/sandbox.ts";
import { Stop } from "../handles/stop.ts";
import { concat } from "../service/http/bytes.ts";
import type { Environment, Texts } from "../service/environment.ts";
import { refuse } from "../service/errors.ts";
import { type Input, type Namespace, namespace, type Output } from "./_define.ts";
import { pointer, u32, u64, unsigned } from "./_in.ts";
import * as out from "./_out.ts";
import { call, checkCount, errnoOf, wait } from "./_wasi_errno.ts";
import { descriptorWithRight, fileCalls } from "./_wasi_files.ts";
import { pollOneoff } from "./_wasi_poll.ts";

const NANOS = 1_000_000;
/** Number of random bytes between two checks of the time limit. */
const RANDOM_PIECE = 2 ** 20;

/** List of texts: a pointer to each, and the texts one after another. */
const texts: Output<Texts> = {
  coreTypes: ["i32", "i32"],
  write({ memory }, args, at, { starts, bytes }) {
    const pointers = unsigned(args, at);
    const text = unsigned(args, at + 1);
    for (let i = 0; i < starts.length; i++) memory.setU32(pointers + i * 4, text + starts[i]!);
    memory.setBytes(text, bytes);
  },
};
/** List of environment variables, with the id of the sandbox inserted. */
const environment: Output<Environment> = {
  coreTypes: texts.coreTypes,
  write(sandbox, args, at, { texts: all, traceIdAt }) {
    texts.write(sandbox, args, at, all);
    if (traceIdAt === undefined) return;
    sandbox.memory.setByteString(unsigned(args, at + 1) + traceIdAt, sandbox.id);
  },
};
const sizes: Output<Texts> = {
  coreTypes: ["i32", "i32"],
  write({ memory }, args, at, { starts, bytes }) {
    memory.setU32(unsigned(args, at), starts.length);
    memory.setU32(unsigned(args, at + 1), bytes.length);
  },
};
/** Buffers of a scattered read, which stay empty. */
const unread: Input<void> = {
  coreTypes: ["i32", "i32"],
  read: (_, args, at) => checkCount(unsigned(args, at + 1), "buffers"),
};
/** Buffers of a gathered write, joined in a copy. */
const gathered: Input<Uint8Array> = {
  coreTypes: ["i32", "i32"],
  read(sandbox, args, at) {
    const { memory } = sandbox;
    const ptr = unsigned(args, at);
    const count = unsigned(args, at + 1);
    checkCount(count, "buffers");
    if (ptr + count * 8 > memory.size) refuse("invalid", "Cannot reach the buffers to write");
    let total = 0;
    const buffers = Array.from({ length: count }, (_, i) => {
      const length = memory.u32(ptr + i * 8 + 4);
      total += length;
      // Buffers may overlap, so that their sum could fill the host's memory.
      if (total > memory.size) refuse("invalid", "Cannot write more than all of the memory");
      return memory.bytes(memory.u32(ptr + i * 8), length);
    });
    return concat(buffers);
  },
};

export const wasi: Namespace = namespace("wasi_snapshot_preview1", {
  ...fileCalls,

  args_get: call([], texts, ({ service }) => service.args),
  args_sizes_get: call([], sizes, ({ service }) => service.args),
  environ_get: call([], environment, ({ service }) => service.environment),
  environ_sizes_get: call([], sizes, ({ service }) => service.environment.texts),

  clock_res_get: call([u32], out.u64, (sandbox, id) => {
    clock(sandbox, id);
    return 1000n;
  }),
  /** Returns nanoseconds. The requested precision is ignored. */
  clock_time_get: call([u32, u64], out.u64, (sandbox, id) => clock(sandbox, id)),

  random_get: call([pointer, u32], out.none, (sandbox, ptr, length) => {
    const { memory, service: { random } } = sandbox;
    if (ptr + length > memory.size) refuse("invalid", `Cannot reach ${length} bytes at ${ptr}`);
    for (let at = 0; at < length; at += RANDOM_PIECE) {
      sandbox.execution.checkStopped();
      memory.setBytes(ptr + at, random.bytes(Math.min(RANDOM_PIECE, length - at)));
    }
  }),

  /** Writes to standard output or error, of which each line becomes a log entry. */
  fd_write: call([u32, gathered], out.u32, (sandbox, fd, bytes) => {
    const { kind } = descriptorWithRight(sandbox, fd, "fd_write");
    if (kind !== "stdout" && kind !== "stderr") {
      refuse("bad-handle", `Cannot write to descriptor ${fd}`);
    }
    sandbox.print(kind, bytes);
    return bytes.length;
  }),
  /** Standard input is empty. */
  fd_read: call([u32, unread], out.u32, (sandbox, fd) => {
    const { kind } = descriptorWithRight(sandbox, fd, "fd_read");
    if (kind !== "stdin") refuse("bad-handle", `Cannot read from descriptor ${fd}`);
    return 0;
  }),

  poll_oneoff: wait(
    [u32, u32, u32],
    out.u32,
    (sandbox, input, output, count) =>
      pollOneoff(sandbox, input, output, count, {
        clock: sandbox.service.clock,
        errorOf: (fd) => pollError(sandbox, fd),
      }),
  ),
  sched_yield: wait([], out.none, (sandbox) => sandbox.turn()),
  proc_exit: call([u32], out.none, (_, code) => {
    throw new Stop(`The guest exited with status ${code}`, code);
  }),
  proc_raise: call([u32], out.none, () => refuse("unsupported", "Cannot raise a signal")),
});

/** Returns the error number of an event of a descriptor; 0 for none. */
function pollError(sandbox: Sandbox, fd: number): number {
  try {
    const { kind } = descriptorWithRight(sandbox, fd, "poll_fd_readwrite");
    if (kind === "directory") refuse("bad-handle", "Cannot wait for a directory");
    return 0;
  } catch (error) {
    return errnoOf(error);
  }
}

function clock(sandbox: Sandbox, id: number): bigint {
  switch (id) {
    case 0: // real time
      return BigInt(Math.round(sandbox.service.clock.now() * 1000)) * 1000n;
    case 1: // monotonic
      return BigInt(Math.round(sandbox.service.clock.elapsed() * NANOS));
    case 2: // the process's and the thread's processor time
    case 3:
      return BigInt(Math.round(sandbox.execution.activeMs * NANOS));
    default:
      return refuse("invalid", `Cannot tell the time of clock ${id}`);
  }
}
