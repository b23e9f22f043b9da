/**
 * Files of `wasi_snapshot_preview1`: three standard streams, and descriptor 3, the directory `/`, which is empty and
 * read-only. Where preview 1 leaves a choice, results are those of wasmtime and Linux.
 *
 * @module
 */
import { Descriptor } from "../handles/descriptors.ts";
import type { Memory } from "../handles/memory.ts";
import type { Sandbox } from "../handles/sandbox.ts";
import { refuse } from "../service/errors.ts";
import type { Hostcall, Input, Output } from "./_define.ts";
import { type Span, span, u32, u64, unsigned } from "./_in.ts";
import * as out from "./_out.ts";
import { call, deny } from "./_wasi_errno.ts";

const CHARACTER_DEVICE = 2;
const DIRECTORY = 3;
/** Inode of the only node. With 0, libc would call for the inode of each name. */
const ROOT_NODE = 1n;
/** Bits of the two ways to set a time, which exclude each other. The bits for the other time follow. */
const GIVEN_AND_NOW = 3;
const KNOWN_TIMES = 15;
const KNOWN_FLAGS = 31;
const KNOWN_LOOKUP = 1;
const OPEN = { create: 1, directory: 2, exclusive: 4, truncate: 8 } as const;
const KNOWN_OPEN = 15;

// Rights, in the order of preview 1; each is the bit of its position.
const RIGHTS =
  ("fd_datasync fd_read fd_seek fd_fdstat_set_flags fd_sync fd_tell fd_write fd_advise fd_allocate " +
    "path_create_directory path_create_file path_link_source path_link_target path_open fd_readdir path_readlink " +
    "path_rename_source path_rename_target path_filestat_get path_filestat_set_size path_filestat_set_times " +
    "fd_filestat_get fd_filestat_set_size fd_filestat_set_times path_symlink path_remove_directory " +
    "path_unlink_file poll_fd_readwrite").split(" ");

function right(name: string): bigint {
  return 1n << BigInt(RIGHTS.indexOf(name));
}

function rights(names: string): bigint {
  return names.split(" ").reduce((all, name) => all | right(name), 0n);
}

/** Rights of a stream. Without those to seek and tell libc takes it for a terminal, and flushes at each line. */
const OF_STREAM = "fd_fdstat_set_flags fd_filestat_get poll_fd_readwrite";
const OUTPUT_RIGHTS = rights(`${OF_STREAM} fd_write fd_sync fd_datasync`);
const DIRECTORY_RIGHTS = rights(
  "fd_fdstat_set_flags fd_sync fd_datasync fd_readdir fd_filestat_get fd_filestat_set_times path_create_directory " +
    "path_create_file path_link_source path_link_target path_open path_readlink path_rename_source path_rename_target " +
    "path_filestat_get path_filestat_set_size path_filestat_set_times path_symlink path_remove_directory " +
    "path_unlink_file",
);
/** Rights that a file opened through the directory would have: none that change the file. */
const INHERITED = DIRECTORY_RIGHTS | rights("fd_read fd_seek fd_tell fd_advise poll_fd_readwrite");
const WRITE_RIGHTS = rights("fd_write fd_allocate fd_filestat_set_size");

const ALL_RIGHTS = {
  stdin: rights(`${OF_STREAM} fd_read`),
  stdout: OUTPUT_RIGHTS,
  stderr: OUTPUT_RIGHTS,
  directory: DIRECTORY_RIGHTS,
};

function rightsOf({ kind, renounced }: Descriptor): { own: bigint; inherited: bigint } {
  return {
    own: ALL_RIGHTS[kind] & ~renounced.own,
    inherited: (kind === "directory" ? INHERITED : 0n) & ~renounced.inherited,
  };
}

/** Returns a descriptor that has a right; refused if it has not. */
export function descriptorWithRight(
  { descriptors }: Sandbox,
  fd: number,
  name: string,
): Descriptor {
  const descriptor = descriptors.get(fd);
  if (descriptor.renounced.own & right(name)) {
    deny("notcapable", `Cannot use descriptor ${fd} for ${name}: the guest gave up that right`);
  }
  return descriptor;
}

/** Longest path in bytes; Linux's PATH_MAX. */
const MAX_PATH = 4096;

/** Path in UTF-8. */
const path: Input<string> = {
  coreTypes: ["i32", "i32"],
  read({ memory }, args, at) {
    const length = unsigned(args, at + 1);
    if (length > MAX_PATH && length <= memory.size) {
      deny("nametoolong", "Cannot use so long a path");
    }
    const bytes = memory.bytes(unsigned(args, at), length);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      deny("ilseq", "Cannot use a path that is not UTF-8");
    }
  },
};

/** Target of a path: the root itself, or a name in it, of which there is none. */
type PathTarget = "root" | "vacant";

/** Resolves a path from an open directory, which must have the right `name`. */
function follow(sandbox: Sandbox, fd: number, path: string, name: string): PathTarget {
  if (descriptorWithRight(sandbox, fd, name).kind !== "directory") {
    deny("notdir", `Cannot follow a path from descriptor ${fd}: it is no directory`);
  }
  if (path.includes("\0")) refuse("invalid", "Cannot follow a path with a NUL in it");
  if (path.startsWith("/")) outside();
  const steps = path.split("/").filter((step) => step !== "" && step !== ".");
  if (steps[0] === "..") outside();
  if (path === "" || steps.length > 1) missing();
  return steps.length ? "vacant" : "root";
}

function outside(): never {
  deny("notcapable", "Cannot leave the directory that a path begins in");
}

function missing(): never {
  deny("noent", "Cannot find a file: there is none");
}

function readOnly(): never {
  deny("rofs", "Cannot change the file system: it is read-only");
}

/** Refuses to create something at a path. */
function create(sandbox: Sandbox, fd: number, path: string, name: string): never {
  if (follow(sandbox, fd, path, name) === "root") deny("exist", "Cannot create what is there");
  readOnly();
}

/** Refuses to change something at a path. */
function change(sandbox: Sandbox, fd: number, path: string, name: string): never {
  if (follow(sandbox, fd, path, name) === "vacant") missing();
  readOnly();
}

function known(flags: number, all: number): void {
  if (flags & ~all) refuse("invalid", `Cannot use flags 0x${flags.toString(16)}`);
}

/** Record of a fixed size, whose other bytes are zero. */
function record<T>(size: number, fill: (memory: Memory, ptr: number, value: T) => void): Output<T> {
  return {
    coreTypes: ["i32"],
    write({ memory }, args, at, value) {
      const ptr = unsigned(args, at);
      memory.setBytes(ptr, new Uint8Array(size));
      fill(memory, ptr, value);
    },
  };
}

function typeOf({ kind }: Descriptor): number {
  return kind === "directory" ? DIRECTORY : CHARACTER_DEVICE;
}

const fdstat = record<Descriptor>(24, (memory, ptr, descriptor) => {
  const { own, inherited } = rightsOf(descriptor);
  memory.setU8(ptr, typeOf(descriptor));
  memory.setU16(ptr + 2, descriptor.flags);
  memory.setU64(ptr + 8, own);
  memory.setU64(ptr + 16, inherited);
});

/** `filestat` with sizes and times of 0. */
const filestat = record<Descriptor>(64, (memory, ptr, descriptor) => {
  if (descriptor.kind === "directory") memory.setU64(ptr + 8, ROOT_NODE);
  memory.setU8(ptr + 16, typeOf(descriptor));
  memory.setU64(ptr + 24, 1n);
});

/** `prestat`: the kind, 0 for a directory, and the length of the name. */
const prestat = record<string>(8, (memory, ptr, name) => memory.setU32(ptr + 4, name.length));

function preopened({ descriptors }: Sandbox, fd: number): string {
  return descriptors.get(fd).preopened ??
    refuse("bad-handle", `Cannot tell a path of descriptor ${fd}: it was not open from the start`);
}

/**
 * Fills a buffer with the entries from a cookie on, each of 24 bytes and the name. The last is cut where the buffer ends. A
 * buffer that is not full tells the guest that there are no more entries.
 */
function readDirectory(buffer: Span, cookie: bigint): number {
  const entries = [".", ".."].slice(Number(cookie < 2n ? cookie : 2n)).flatMap((name, i) => [
    ...new Uint8Array(BigUint64Array.of(cookie + BigInt(i) + 1n, ROOT_NODE).buffer),
    ...new Uint8Array(Uint32Array.of(name.length, DIRECTORY).buffer),
    ...new TextEncoder().encode(name),
  ]);
  return buffer.fill(Uint8Array.from(entries.slice(0, buffer.length)));
}

/** Opens a path. Only the root can be opened, with the rights of the descriptor that it is opened through. */
function open(
  sandbox: Sandbox,
  fd: number,
  lookup: number,
  path: string,
  how: number,
  base: bigint,
  _inheriting: bigint,
  flags: number,
): number {
  known(lookup, KNOWN_LOOKUP);
  known(how, KNOWN_OPEN);
  known(flags, KNOWN_FLAGS);
  if (how & OPEN.create && how & OPEN.directory) {
    refuse("invalid", "Cannot create a directory by opening it");
  }
  const found = follow(sandbox, fd, path, "path_open");
  const writes = (base & WRITE_RIGHTS) !== 0n || (how & (OPEN.create | OPEN.truncate)) !== 0;
  if (found === "vacant") return writes ? readOnly() : missing();
  if (how & OPEN.create && how & OPEN.exclusive) deny("exist", "Cannot create what is there");
  if (writes) deny("isdir", "Cannot write to a directory");
  const opened = new Descriptor("directory");
  opened.flags = flags;
  opened.renounced = sandbox.descriptors.get(fd).renounced;
  return sandbox.descriptors.add(opened);
}

/** Gives up rights for good. Rights that the descriptor does not have are refused. */
function renounce(sandbox: Sandbox, fd: number, own: bigint, inherited: bigint): void {
  const descriptor = sandbox.descriptors.get(fd);
  const has = rightsOf(descriptor);
  if (own & ~has.own || inherited & ~has.inherited) {
    deny("notcapable", `Cannot give descriptor ${fd} rights that it does not have`);
  }
  descriptor.renounced = { own: ~own, inherited: ~inherited };
}

function checkTimes(flags: number): void {
  known(flags, KNOWN_TIMES);
  for (const both of [GIVEN_AND_NOW, GIVEN_AND_NOW << 2]) {
    if ((flags & both) === both) refuse("invalid", "Cannot set a time in two ways at once");
  }
}

/** Inputs of a call that looks only at the descriptor: a letter for each further parameter, `d` for an `i64`. */
function fdAnd(letters: string): [Input<number>, ...Input<number | bigint>[]] {
  return [u32, ...[...letters].map((letter) => letter === "d" ? u64 : u32)];
}

/** Hostcall for files with offsets, of which there are none. */
function withOffset(letters: string): Hostcall {
  return call(fdAnd(letters), out.none, ({ descriptors }, fd) => {
    if (descriptors.get(fd).kind !== "directory") {
      deny("spipe", `Cannot use an offset in descriptor ${fd}: it is a stream`);
    }
    refuse("bad-handle", `Cannot use descriptor ${fd} as a file: it is a directory`);
  });
}

function sync(name: "fd_sync" | "fd_datasync"): Hostcall {
  return call([u32], out.none, (sandbox, fd) => {
    descriptorWithRight(sandbox, fd, name); // output is not buffered
  });
}

function socket(letters: string): Hostcall {
  return call(fdAnd(letters), out.none, ({ descriptors }, fd) => {
    descriptors.get(fd);
    deny("notsock", `Cannot use descriptor ${fd} as a socket: there are none`);
  });
}

/** Hostcalls on files, directories and descriptors. */
export const fileCalls: Readonly<Record<string, Hostcall>> = {
  fd_advise: withOffset("ddw"),
  fd_allocate: withOffset("dd"),
  fd_pread: withOffset("wwdw"),
  fd_pwrite: withOffset("wwdw"),
  fd_seek: withOffset("dww"),
  fd_tell: withOffset("w"),
  fd_datasync: sync("fd_datasync"),
  fd_sync: sync("fd_sync"),

  fd_close: call([u32], out.none, ({ descriptors }, fd) => descriptors.close(fd)),
  fd_renumber: call([u32, u32], out.none, ({ descriptors }, fd, to) => {
    descriptors.renumber(fd, to);
  }),
  fd_fdstat_get: call([u32], fdstat, ({ descriptors }, fd) => descriptors.get(fd)),
  fd_fdstat_set_flags: call([u32, u32], out.none, (sandbox, fd, flags) => {
    known(flags, KNOWN_FLAGS);
    descriptorWithRight(sandbox, fd, "fd_fdstat_set_flags").flags = flags;
  }),
  fd_fdstat_set_rights: call([u32, u64, u64], out.none, renounce),
  fd_filestat_get: call(
    [u32],
    filestat,
    (sandbox, fd) => descriptorWithRight(sandbox, fd, "fd_filestat_get"),
  ),
  fd_filestat_set_size: call([u32, u64], out.none, ({ descriptors }, fd) => {
    if (descriptors.get(fd).kind === "directory") {
      refuse("bad-handle", "Cannot set the size of a directory");
    }
    refuse("invalid", "Cannot set the size of a stream");
  }),
  fd_filestat_set_times: call([u32, u64, u64, u32], out.none, (sandbox, fd, _, __, flags) => {
    checkTimes(flags);
    const { kind } = descriptorWithRight(sandbox, fd, "fd_filestat_set_times");
    if (kind !== "directory") refuse("bad-handle", "Cannot set the times of a stream");
    readOnly();
  }),

  /** Go's runtime calls this for each number from 3 on until the result is `badf`. */
  fd_prestat_get: call([u32], prestat, preopened),
  fd_prestat_dir_name: call([u32, span], out.none, (sandbox, fd, buffer) => {
    const name = new TextEncoder().encode(preopened(sandbox, fd));
    if (name.length > buffer.length) {
      deny("nametoolong", `Cannot fit ${name.length} bytes in ${buffer.length}`);
    }
    buffer.fill(name);
  }),
  fd_readdir: call([u32, span, u64], out.u32, (sandbox, fd, buffer, cookie) => {
    if (descriptorWithRight(sandbox, fd, "fd_readdir").kind !== "directory") {
      deny("notdir", `Cannot list descriptor ${fd}: it is no directory`);
    }
    return readDirectory(buffer, cookie);
  }),

  path_open: call([u32, u32, path, u32, u64, u64, u32], out.u32, open),
  path_filestat_get: call([u32, u32, path], filestat, (sandbox, fd, lookup, path) => {
    known(lookup, KNOWN_LOOKUP);
    if (follow(sandbox, fd, path, "path_filestat_get") === "vacant") missing();
    return sandbox.descriptors.get(fd);
  }),
  path_filestat_set_times: call(
    [u32, u32, path, u64, u64, u32],
    out.none,
    (sandbox, fd, lookup, path, _, __, flags) => {
      known(lookup, KNOWN_LOOKUP);
      checkTimes(flags);
      change(sandbox, fd, path, "path_filestat_set_times");
    },
  ),
  path_readlink: call([u32, path, span], out.u32, (sandbox, fd, path) => {
    if (follow(sandbox, fd, path, "path_readlink") === "vacant") missing();
    refuse("invalid", "Cannot read a directory as a link");
  }),
  path_create_directory: call([u32, path], out.none, (sandbox, fd, path) => {
    create(sandbox, fd, path, "path_create_directory");
  }),
  path_symlink: call([path, u32, path], out.none, (sandbox, _, fd, path) => {
    create(sandbox, fd, path, "path_symlink");
  }),
  path_link: call([u32, u32, path, u32, path], out.none, (sandbox, fd, lookup, path, to, name) => {
    known(lookup, KNOWN_LOOKUP);
    follow(sandbox, to, name, "path_link_target");
    change(sandbox, fd, path, "path_link_source");
  }),
  path_rename: call([u32, path, u32, path], out.none, (sandbox, fd, path, to, name) => {
    follow(sandbox, to, name, "path_rename_target");
    change(sandbox, fd, path, "path_rename_source");
  }),
  path_remove_directory: call([u32, path], out.none, (sandbox, fd, path) => {
    change(sandbox, fd, path, "path_remove_directory");
  }),
  path_unlink_file: call([u32, path], out.none, (sandbox, fd, path) => {
    if (follow(sandbox, fd, path, "path_unlink_file") === "vacant") missing();
    deny("isdir", "Cannot unlink a directory");
  }),

  sock_accept: socket("ww"),
  sock_recv: socket("wwwww"),
  sock_send: socket("wwww"),
  sock_shutdown: socket("w"),
};
