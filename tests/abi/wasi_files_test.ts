import { assert, assertEquals } from "../assert.ts";
import { type Argument, type Bench, bench, BUF, OUT, UNTOUCHED } from "./_bench.ts";

const WASI = "wasi_snapshot_preview1";
const ROOT = 3;
const Errno = {
  ok: 0,
  badf: 8,
  exist: 20,
  ilseq: 25,
  inval: 28,
  isdir: 31,
  mfile: 33,
  nametoolong: 37,
  noent: 44,
  notdir: 54,
  notsock: 57,
  rofs: 69,
  spipe: 70,
  notcapable: 76,
} as const;
const { ok, badf } = Errno;
const NAMES = new Map<number, string>(
  Object.entries(Errno).map(([name, number]) => [number, name]),
);

/** Results of a call, by name. */
function answer(b: Bench, name: string, ...args: readonly Argument[]): string {
  const status = b.now(WASI, name, ...args);
  return NAMES.get(status) ?? String(status);
}

const CREATE = 1;
const DIRECTORY = 2;
const EXCLUSIVE = 4;
const TRUNCATE = 8;
const READ = 1n << 1n;
const WRITE = 1n << 6n;
const READDIR = 1n << 14n;

function open(b: Bench, path: string, how = 0, rights = READ, at = ROOT): string {
  return answer(b, "path_open", at, 1, path, how, rights, 0n, 0, OUT);
}

/** Opens the root once more and gives its number. */
function openRoot(b: Bench, at = ROOT): number {
  assertEquals(open(b, ".", DIRECTORY, READ, at), "ok");
  return b.memory.u32(OUT);
}

Deno.test("descriptor 3 is / from the start, and there is no other: Go stops looking at 4", () => {
  using b = bench();
  b.fill(BUF, 16);
  assertEquals(b.now(WASI, "fd_prestat_get", ROOT, BUF), ok);
  assertEquals([b.memory.u8(BUF), b.memory.u32(BUF + 4)], [0, 1]);
  b.assertFilled(BUF + 8, 8);
  b.fill(BUF, 16);
  assertEquals(b.now(WASI, "fd_prestat_dir_name", ROOT, BUF, 1), ok);
  assertEquals(b.text(BUF, 1), "/");
  b.assertFilled(BUF + 1, 15);
  assertEquals(answer(b, "fd_prestat_dir_name", ROOT, BUF, 0), "nametoolong");
  for (const fd of [0, 1, 2, 4, -1]) {
    assertEquals(answer(b, "fd_prestat_get", fd, BUF), "badf");
    assertEquals(answer(b, "fd_prestat_dir_name", fd, BUF, 8), "badf");
  }
});

const opened: [path: string, how: number, rights: bigint, answer: string][] = [
  ["a", 0, READ, "noent"],
  ["a", 0, 0n, "noent"],
  ["a", DIRECTORY, READ, "noent"],
  ["./a/", 0, READ, "noent"],
  ["a/b", 0, READ, "noent"],
  ["a/b", CREATE, WRITE, "noent"],
  ["a/..", 0, READ, "noent"],
  ["", 0, READ, "noent"],
  ["a", CREATE, READ, "rofs"],
  ["a", CREATE | EXCLUSIVE, WRITE, "rofs"],
  ["a", 0, WRITE, "rofs"],
  ["a", TRUNCATE, READ, "rofs"],
  [".", 0, READ, "ok"],
  ["././/", DIRECTORY, READ | READDIR, "ok"],
  [".", 0, 0n, "ok"],
  [".", 0, WRITE, "isdir"],
  [".", TRUNCATE, READ, "isdir"],
  [".", CREATE, READ, "isdir"],
  [".", CREATE | EXCLUSIVE, READ, "exist"],
  [".", CREATE | DIRECTORY, READ, "inval"],
  [".", 16, READ, "inval"],
  ["..", 0, READ, "notcapable"],
  ["../a", CREATE, WRITE, "notcapable"],
  ["/", 0, READ, "notcapable"],
  ["/a", 0, READ, "notcapable"],
  ["a\0b", 0, READ, "inval"],
];
for (const [path, how, rights, expected] of opened) {
  Deno.test(`opening ${JSON.stringify(path)} with flags ${how} and rights ${rights} is ${expected}`, () => {
    using b = bench();
    b.memory.setU32(OUT, UNTOUCHED);
    assertEquals(open(b, path, how, rights), expected);
    assertEquals(b.memory.u32(OUT), expected === "ok" ? 4 : UNTOUCHED);
  });
}

Deno.test("a path that is not UTF-8, or not in memory, is refused", () => {
  using b = bench();
  const bad = Uint8Array.of(0x61, 0xff);
  assertEquals(answer(b, "path_open", ROOT, 0, bad, 0, 0n, 0n, 0, OUT), "ilseq");
  assertEquals(answer(b, "path_open", ROOT, 0, -1, 8, 0, 0n, 0n, 0, OUT), "inval");
  assertEquals(answer(b, "path_open", ROOT, 2, ".", 0, 0n, 0n, 0, OUT), "inval");
  assertEquals(answer(b, "path_open", ROOT, 0, ".", 0, 0n, 0n, 32, OUT), "inval");
});

Deno.test("a directory that is opened has a number of its own until it is closed", () => {
  using b = bench();
  const [one, two] = [openRoot(b), openRoot(b)];
  assertEquals([one, two], [4, 5]);
  assertEquals(openRoot(b, two), 6);
  assertEquals(answer(b, "fd_prestat_get", one, BUF), "badf");
  assertEquals(b.now(WASI, "fd_close", one), ok);
  assertEquals(open(b, ".", 0, READ, one), "badf");
  assertEquals(answer(b, "fd_close", one), "badf");
  assertEquals(openRoot(b), one, "a number that is free is given again");
});

Deno.test("the root may be closed, and then nothing can be found", () => {
  using b = bench();
  assertEquals(b.now(WASI, "fd_close", ROOT), ok);
  assertEquals(answer(b, "fd_prestat_get", ROOT, BUF), "badf");
  assertEquals(open(b, "."), "badf");
});

Deno.test("a guest cannot have descriptors without end", () => {
  using b = bench();
  for (let open = 4; open < 1024; open++) openRoot(b);
  assertEquals(open(b, "."), "mfile");
  assertEquals(b.now(WASI, "fd_close", 77), ok);
  assertEquals(openRoot(b), 77);
});

Deno.test("a descriptor moves to the number of another, which is closed", () => {
  using b = bench();
  const fd = openRoot(b);
  assertEquals(b.now(WASI, "fd_renumber", fd, ROOT), ok);
  assertEquals(answer(b, "fd_prestat_get", ROOT, BUF), "badf", "the one from the start is gone");
  assertEquals(open(b, "."), "ok");
  assertEquals(answer(b, "fd_renumber", 99, ROOT), "badf");
  assertEquals(answer(b, "fd_renumber", ROOT, 99), "badf");
  assertEquals(b.now(WASI, "fd_renumber", ROOT, ROOT), ok);
  assertEquals(open(b, "a"), "noent");
});

/** Lists a directory from a cookie on. */
function list(b: Bench, room: number, cookie = 0n): { used: number; bytes: Uint8Array } {
  b.fill(BUF, room + 8);
  assertEquals(b.now(WASI, "fd_readdir", ROOT, BUF, room, cookie, OUT), ok);
  const used = b.memory.u32(OUT);
  b.assertFilled(BUF + used, room + 8 - used);
  return { used, bytes: b.memory.bytes(BUF, used) };
}

Deno.test("the root lists itself and its parent, with the cookie of the next", () => {
  using b = bench();
  const { used } = list(b, 200);
  assertEquals(used, 24 + 1 + 24 + 2);
  const entry = (at: number) => ({
    next: b.memory.u64(at),
    node: b.memory.u64(at + 8),
    name: b.text(at + 24, b.memory.u32(at + 16)),
    kind: b.memory.u32(at + 20),
  });
  assertEquals(entry(BUF), { next: 1n, node: 1n, name: ".", kind: 3 });
  assertEquals(entry(BUF + 25), { next: 2n, node: 1n, name: "..", kind: 3 });
});

Deno.test("a listing goes on from a cookie, and ends", () => {
  using b = bench();
  const { bytes } = list(b, 200);
  assertEquals(list(b, 200, 1n).bytes, bytes.subarray(25));
  for (const end of [2n, 3n, 1n << 40n, -1n]) assertEquals(list(b, 200, end).used, 0);
});

Deno.test("a listing is cut wherever its buffer ends", () => {
  using b = bench();
  const { bytes } = list(b, 200);
  for (let room = 0; room <= bytes.length; room++) {
    assertEquals(list(b, room).bytes, bytes.subarray(0, room));
  }
});

Deno.test("only a directory can be listed, into memory", () => {
  using b = bench();
  assertEquals(answer(b, "fd_readdir", 1, BUF, 99, 0n, OUT), "notdir");
  assertEquals(answer(b, "fd_readdir", 4, BUF, 99, 0n, OUT), "badf");
  assertEquals(answer(b, "fd_readdir", ROOT, BUF, -1, 0n, OUT), "inval");
});

Deno.test("stat returns the kind of a file alone", () => {
  using b = bench();
  const stat = (name: string, ...args: Argument[]) => {
    b.fill(BUF, 72);
    assertEquals(answer(b, name, ...args, BUF), "ok");
    b.assertFilled(BUF + 64, 8);
    return { kind: b.memory.u8(BUF + 16), size: b.memory.u64(BUF + 32) };
  };
  assertEquals(stat("fd_filestat_get", ROOT), { kind: 3, size: 0n });
  assertEquals(stat("path_filestat_get", ROOT, 0, "."), { kind: 3, size: 0n });
  assertEquals(stat("fd_filestat_get", 1), { kind: 2, size: 0n });
  assertEquals(answer(b, "path_filestat_get", ROOT, 1, "a", BUF), "noent");
  assertEquals(answer(b, "path_filestat_get", ROOT, 2, ".", BUF), "inval");
  assertEquals(answer(b, "path_filestat_get", 1, 0, ".", BUF), "notdir");
  assertEquals(answer(b, "path_filestat_get", 9, 0, ".", BUF), "badf");
  assertEquals(answer(b, "fd_filestat_get", 9, BUF), "badf");
});

const changes: [name: string, args: readonly Argument[], answer: string][] = [
  ["path_create_directory", [ROOT, "a"], "rofs"],
  ["path_create_directory", [ROOT, "a/"], "rofs"],
  ["path_create_directory", [ROOT, "."], "exist"],
  ["path_create_directory", [ROOT, "a/b"], "noent"],
  ["path_create_directory", [ROOT, "../a"], "notcapable"],
  ["path_create_directory", [1, "a"], "notdir"],
  ["path_create_directory", [9, "a"], "badf"],
  ["path_remove_directory", [ROOT, "a"], "noent"],
  ["path_remove_directory", [ROOT, "."], "rofs"],
  ["path_unlink_file", [ROOT, "a"], "noent"],
  ["path_unlink_file", [ROOT, "."], "isdir"],
  ["path_rename", [ROOT, "a", ROOT, "b"], "noent"],
  ["path_rename", [ROOT, ".", ROOT, "b"], "rofs"],
  ["path_rename", [ROOT, "a", 9, "b"], "badf"],
  ["path_rename", [ROOT, "a", ROOT, "../b"], "notcapable"],
  ["path_link", [ROOT, 0, "a", ROOT, "b"], "noent"],
  ["path_link", [ROOT, 0, ".", ROOT, "b"], "rofs"],
  ["path_link", [ROOT, 2, ".", ROOT, "b"], "inval"],
  ["path_link", [1, 0, "a", ROOT, "b"], "notdir"],
  ["path_symlink", ["to", ROOT, "a"], "rofs"],
  ["path_symlink", ["to", ROOT, "."], "exist"],
  ["path_symlink", ["to", 9, "a"], "badf"],
  ["path_readlink", [ROOT, "a", BUF, 8, OUT], "noent"],
  ["path_readlink", [ROOT, ".", BUF, 8, OUT], "inval"],
  ["path_filestat_set_times", [ROOT, 0, "a", 0n, 0n, 5], "noent"],
  ["path_filestat_set_times", [ROOT, 0, ".", 0n, 0n, 5], "rofs"],
  ["path_filestat_set_times", [ROOT, 0, ".", 0n, 0n, 3], "inval"],
  ["fd_filestat_set_times", [ROOT, 0n, 0n, 10], "rofs"],
  ["fd_filestat_set_times", [ROOT, 0n, 0n, 12], "inval"],
  ["fd_filestat_set_times", [ROOT, 0n, 0n, 16], "inval"],
  ["fd_filestat_set_times", [1, 0n, 0n, 0], "badf"],
  ["fd_filestat_set_size", [ROOT, 0n], "badf"],
  ["fd_filestat_set_size", [1, 0n], "inval"],
  ["fd_filestat_set_size", [9, 0n], "badf"],
];
for (const [name, args, expected] of changes) {
  Deno.test(`${name}(${args.map((arg) => typeof arg === "string" ? `"${arg}"` : arg)}) is ${expected}`, () => {
    using b = bench();
    assertEquals(answer(b, name, ...args), expected);
  });
}

const offsets: [name: string, ...args: Argument[]][] = [
  ["fd_seek", 0n, 0, OUT],
  ["fd_tell", OUT],
  ["fd_pread", BUF, 1, 0n, OUT],
  ["fd_pwrite", BUF, 1, 0n, OUT],
  ["fd_advise", 0n, 0n, 0],
  ["fd_allocate", 0n, 1n],
];
for (const [name, ...args] of offsets) {
  Deno.test(`${name} needs a file: a directory is none, and a stream has no offset`, () => {
    using b = bench();
    assertEquals([0, 1, ROOT, 9].map((fd) => answer(b, name, fd, ...args)), [
      "spipe",
      "spipe",
      "badf",
      "badf",
    ]);
  });
}

Deno.test("a directory can be neither read nor written, and has nothing to flush", () => {
  using b = bench();
  assertEquals(answer(b, "fd_read", ROOT, BUF, 0, OUT), "badf");
  assertEquals(answer(b, "fd_write", ROOT, BUF, 0, OUT), "badf");
  for (const name of ["fd_sync", "fd_datasync"]) {
    assertEquals([1, ROOT, 9].map((fd) => answer(b, name, fd)), ["ok", "ok", "badf"]);
  }
});

const sockets: [name: string, ...args: number[]][] = [
  ["sock_accept", 0, OUT],
  ["sock_recv", BUF, 1, 0, OUT, OUT],
  ["sock_send", BUF, 1, 0, OUT],
  ["sock_shutdown", 1],
];
for (const [name, ...args] of sockets) {
  Deno.test(`${name} finds no socket`, () => {
    using b = bench();
    assertEquals([1, ROOT, 9].map((fd) => answer(b, name, fd, ...args)), [
      "notsock",
      "notsock",
      "badf",
    ]);
  });
}

function rightsOf(b: Bench, fd: number): [own: bigint, inherited: bigint] {
  assertEquals(b.now(WASI, "fd_fdstat_get", fd, BUF), ok);
  return [b.memory.u64(BUF + 8), b.memory.u64(BUF + 16)];
}

Deno.test("the root's rights let a guest look and list, and pass on nothing that writes", () => {
  using b = bench();
  const [own, inherited] = rightsOf(b, ROOT);
  assertEquals(b.memory.u8(BUF), 3);
  assert(own & READDIR && own & (1n << 13n));
  assertEquals(inherited & (WRITE | 1n << 8n | 1n << 22n), 0n);
  assertEquals(rightsOf(b, openRoot(b)), [own, inherited]);
  assertEquals(answer(b, "fd_fdstat_get", 9, BUF), "badf");
});

Deno.test("rights can be given up, and not be taken", () => {
  using b = bench();
  const [own, inherited] = rightsOf(b, ROOT);
  assertEquals(answer(b, "fd_fdstat_set_rights", ROOT, own | WRITE, inherited), "notcapable");
  assertEquals(answer(b, "fd_fdstat_set_rights", ROOT, own, inherited | WRITE), "notcapable");
  assertEquals(answer(b, "fd_fdstat_set_rights", 9, 0n, 0n), "badf");
  assertEquals(answer(b, "fd_fdstat_set_rights", ROOT, own & ~READDIR, inherited), "ok");
  assertEquals(rightsOf(b, ROOT), [own & ~READDIR, inherited]);
  assertEquals(answer(b, "fd_readdir", ROOT, BUF, 99, 0n, OUT), "notcapable");
  assertEquals(answer(b, "fd_fdstat_set_rights", ROOT, own, inherited), "notcapable");
  assertEquals(answer(b, "fd_readdir", openRoot(b), BUF, 99, 0n, OUT), "notcapable");
  assertEquals(answer(b, "fd_fdstat_set_rights", 1, 0n, 0n), "ok");
  assertEquals(answer(b, "fd_write", 1, BUF, 0, OUT), "notcapable");
  assertEquals(badf, b.now(WASI, "fd_close", 9));
});
