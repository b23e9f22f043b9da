/**
 * `wasi_snapshot_preview1`: arguments, environment, clocks, randomness, output and timers. There is no file system: no
 * directory is open, so no path can be named.
 *
 * @module
 */
import type { Sandbox } from "../handles/sandbox.ts";
import { Stop } from "../handles/stop.ts";
import { concat } from "../service/bytes.ts";
import { HostError, type Refusal, refuse } from "../service/errors.ts";
import {
  dialect,
  type Hostcall,
  type Input,
  type Namespace,
  namespace,
  type Output,
  type Words,
} from "./_define.ts";
import { span, u32, u64, unsigned } from "./_in.ts";
import * as out from "./_out.ts";
import { pollOneoff } from "./_wasi_poll.ts";

const Errno = { inval: 28, badf: 8, io: 29, notsup: 58, spipe: 70 } as const;

const ERRNO: { readonly [R in Refusal]?: number } = {
  "invalid": Errno.inval,
  "bad-handle": Errno.badf,
  "unsupported": Errno.notsup,
};

const { call, wait } = dialect((error) =>
  (error instanceof HostError && ERRNO[error.kind]) || Errno.io
);

const ARGUMENTS = ["compute-app"];
const MOST_RANDOM = 65_536;
const STDIN = 0;
const STDERR = 2;
const CHARACTER_DEVICE = 2;
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
    const buffers = Array.from(
      { length: count },
      (_, i) => memory.bytes(memory.u32(ptr + i * 8), memory.u32(ptr + i * 8 + 4)),
    );
    return concat(buffers);
  },
};

/** A `fdstat` of 24 bytes: a character device with every right. */
const fdstat: Output<void> = {
  words: ["i32"],
  write({ memory }, args, at) {
    const ptr = unsigned(args, at);
    memory.setBytes(ptr, new Uint8Array(24));
    memory.setU8(ptr, CHARACTER_DEVICE);
    memory.setU64(ptr + 8, 0xffff_ffff_ffff_ffffn);
  },
};

/** A call about a file that is not open, or cannot be. */
function noFile(words: Words): Hostcall {
  return call(
    words.map((word) => word === "i64" ? u64 : u32),
    out.none,
    () => refuse("bad-handle", "Cannot use a file: none is open"),
  );
}

const noFileCalls = Object.fromEntries(
  Object.entries({
    fd_advise: "wddw",
    fd_allocate: "wdd",
    fd_datasync: "w",
    fd_fdstat_set_rights: "wdd",
    fd_filestat_get: "ww",
    fd_filestat_set_size: "wd",
    fd_filestat_set_times: "wddw",
    fd_pread: "wwwdw",
    fd_prestat_dir_name: "www",
    fd_prestat_get: "ww",
    fd_pwrite: "wwwdw",
    fd_readdir: "wwwdw",
    fd_renumber: "ww",
    fd_sync: "w",
    fd_tell: "ww",
    path_create_directory: "www",
    path_filestat_get: "wwwww",
    path_filestat_set_times: "wwwwddw",
    path_link: "wwwwwww",
    path_open: "wwwwwddww",
    path_readlink: "wwwwww",
    path_remove_directory: "www",
    path_rename: "wwwwww",
    path_symlink: "wwwww",
    path_unlink_file: "www",
    sock_accept: "www",
    sock_recv: "wwwwww",
    sock_send: "wwwww",
    sock_shutdown: "ww",
  }).map(([name, letters]) => [
    name,
    noFile([...letters].map((letter) => letter === "d" ? "i64" : "i32")),
  ]),
);

export const wasi: Namespace = namespace("wasi_snapshot_preview1", {
  ...noFileCalls,

  args_get: call([], strings, () => ARGUMENTS),
  args_sizes_get: call([], sizes, () => ARGUMENTS),
  environ_get: call([], strings, environment),
  environ_sizes_get: call([], sizes, environment),

  clock_res_get: call([u32], out.u64, (sandbox, id) => {
    clock(sandbox, id);
    return 1000n;
  }),
  /** Nanoseconds. The precision asked for does not matter. */
  clock_time_get: call([u32, u64], out.u64, (sandbox, id) => clock(sandbox, id)),

  random_get: call([span], out.none, (_, buf) => {
    const bytes = new Uint8Array(buf.length);
    for (let at = 0; at < bytes.length; at += MOST_RANDOM) {
      crypto.getRandomValues(bytes.subarray(at, at + MOST_RANDOM));
    }
    buf.fill(bytes);
  }),

  /** Standard output and error; each line becomes a log entry. */
  fd_write: call([u32, gathered], out.u32, (sandbox, fd, bytes) => {
    if (fd === STDIN || fd > STDERR) refuse("bad-handle", `Cannot write to descriptor ${fd}`);
    if (sandbox.service.logs) (fd === STDERR ? sandbox.stderr : sandbox.stdout).write(bytes);
    return bytes.length;
  }),
  /** Standard input is empty. */
  fd_read: call([u32, u32, u32], out.u32, (_, fd) => {
    if (fd !== STDIN) refuse("bad-handle", `Cannot read from descriptor ${fd}`);
    return 0;
  }),
  fd_close: call([u32], out.none, (_, fd) => standard(fd)),
  fd_seek: call([u32, u64, u32, u32], out.none, (_, fd) => {
    standard(fd);
    refuse("unsupported", "Cannot seek in standard input or output");
  }),
  fd_fdstat_get: call([u32], fdstat, (_, fd) => standard(fd)),
  fd_fdstat_set_flags: call([u32, u32], out.none, (_, fd) => standard(fd)),

  poll_oneoff: wait([u32, u32, u32], out.u32, pollOneoff),
  sched_yield: call([], out.none, () => {}),
  proc_exit: call([u32], out.none, (_, code) => {
    throw new Stop(`The guest exited with status ${code}`, code);
  }),
  proc_raise: call([u32], out.none, () => refuse("unsupported", "Cannot raise a signal")),
});

function standard(fd: number): void {
  if (fd > STDERR) refuse("bad-handle", `Cannot use descriptor ${fd}: it is not open`);
}

function terminated(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

/** What the platform sets, with Viceroy's values, then what the options add. */
function environment({ service, id }: Sandbox): string[] {
  const variables = {
    FASTLY_CACHE_GENERATION: "0",
    FASTLY_CUSTOMER_ID: "0".repeat(22),
    FASTLY_HOSTNAME: "localhost",
    FASTLY_IS_STAGING: "0",
    FASTLY_POP: "XXX",
    FASTLY_REGION: "Somewhere",
    FASTLY_SERVICE_ID: "0".repeat(22),
    FASTLY_SERVICE_VERSION: "0",
    FASTLY_TRACE_ID: id,
    ...service.options.env,
  };
  return Object.entries(variables).map(([name, value]) => `${name}=${value}`);
}

function clock(sandbox: Sandbox, id: number): bigint {
  switch (id) {
    case 0: // real time
      return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
    case 1: // monotonic
      return BigInt(Math.round(performance.now() * NANOS));
    case 2: // the process's and the thread's processor time
    case 3:
      return BigInt(Math.round(sandbox.activeMs * NANOS));
    default:
      return refuse("invalid", `Cannot tell the time of clock ${id}`);
  }
}
