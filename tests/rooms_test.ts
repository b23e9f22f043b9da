import { directoryOf, importedBy, ROOT, sourcesOf } from "./_graph.ts";
import { assert, assertEquals } from "./assert.ts";

const SOURCES = await sourcesOf();
/** Folders that are no rooms: the first lines of a room's page name its contents and their lifetime. */
const NO_ROOM = /^$|^(bench|examples|testdata|tests)(\/|$)|\/world$|^service\/stores\/kv$/;
/** Folders of sources, each with a page on its contents. */
const ROOMS = [...new Set(SOURCES.map(folderOf))].filter((folder) => !NO_ROOM.test(folder));
/** Folders of tests that mirror no room: of whole guests, of the compiled program, of pages. */
const NO_MIRROR = ["tests", "tests/compile", "tests/guests"];
/** Imports through which a test may be about any room: the library's, and those that start the executable. */
const WHOLE = ["mod.ts", "testing.ts", "manifest.ts", "tests/process.ts", "tests/cli/commands.ts"];
/** Tests of files that they read: none is a module of the room. */
const READING = ["tests/packaging/lock_test.ts", "tests/wasm/embed_test.ts"];

Deno.test("every room has a page of at most fifteen lines on its contents", async () => {
  assert(ROOMS.length > 25);
  for (const room of ROOMS) {
    const lines = (await pageOf(room)).trimEnd().split("\n").length;
    assert(lines <= 15, `${room}/README.md has ${lines} lines`);
  }
});

Deno.test("every file that a room's page names exists", async () => {
  const wrong = [];
  for (const room of ROOMS) {
    for (
      const [, name] of (await pageOf(room)).matchAll(/`([^`\s]+(?:\.(?:ts|js|wat|md|toml)|\/))`/g)
    ) {
      if (!name!.startsWith("dist/") && !await isThere(room, name!)) {
        wrong.push(`${room}/README.md names ${name}`);
      }
    }
  }
  assertEquals(wrong, []);
});

Deno.test("tests are in folders with the names of rooms, each in that of its subject", async () => {
  const wrong = [];
  for (const path of SOURCES.filter((path) => /^tests\/.*_test\.ts$/.test(path))) {
    if (NO_MIRROR.includes(folderOf(path))) continue;
    const room = folderOf(path).slice("tests/".length);
    const top = directoryOf(room);
    const known = ROOMS.includes(room) || room === "service/stores/kv";
    if (!known) wrong.push(`${path} is in no room`);
    const used = await usedBy(path);
    const about = [...used].some((used) => WHOLE.includes(used) || directoryOf(used) === top);
    if (used.size && !about && !READING.includes(path)) wrong.push(`${path} tests no ${top}/`);
    const own = (await importedBy(path)).filter((source) => directoryOf(source) === top);
    const tested = commonFolder(own.filter((source) => !source.startsWith("service/http/")));
    if (tested && !`${room}/`.startsWith(`${tested}/`)) wrong.push(`${path} tests ${tested}/`);
  }
  assertEquals(wrong, []);
});

Deno.test("every test has a time limit: its file imports the module that sets one, most of them with the assertions", async () => {
  const without = [];
  for (const path of SOURCES.filter((path) => /^tests\/.*_test\.ts$/.test(path))) {
    if (!/ (from )?"\.[./]*\/(assert|time_limit)\.ts"/.test(await read(path))) without.push(path);
  }
  assertEquals(without, []);
});

Deno.test("no source has more than 400 lines, and no test more than 420", async () => {
  const long = [];
  for (const path of SOURCES.filter((path) => !path.startsWith("testdata/"))) {
    const lines = (await read(path)).split("\n").length - 1;
    if (lines > (path.startsWith("tests/") ? 420 : 400)) long.push(`${path} has ${lines} lines`);
  }
  assertEquals(long, []);
});

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function read(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, ROOT));
}

function pageOf(room: string): Promise<string> {
  return read(`${room}/README.md`);
}

/** Whether a name of a room's page is a file or folder of the room or of the checkout. `*` stands for anything. */
async function isThere(room: string, name: string): Promise<boolean> {
  for (const base of [`${room}/`, ""]) {
    const path = new URL(base + name, ROOT);
    if (name.includes("*")) {
      const pattern = new RegExp(`^${name.split("*").map(RegExp.escape).join(".*")}$`);
      const entries = await Array.fromAsync(Deno.readDir(new URL(".", path)));
      if (entries.some(({ name }) => pattern.test(name))) return true;
    } else if (await Deno.stat(path).then(() => true, () => false)) return true;
  }
  return false;
}

/** Sources that a test imports, itself or through helpers of tests, up to those of {@linkcode WHOLE}. */
async function usedBy(path: string, seen = new Set<string>()): Promise<Set<string>> {
  const used = new Set<string>();
  for (const target of await importedBy(path)) {
    if (seen.has(target)) continue;
    seen.add(target);
    if (WHOLE.includes(target) || !target.startsWith("tests/")) used.add(target);
    else for (const source of await usedBy(target, seen)) used.add(source);
  }
  return used;
}

/** The deepest folder that has all of the files in it; undefined if there are no files. */
function commonFolder(paths: readonly string[]): string | undefined {
  const [first, ...rest] = paths.map((path) => folderOf(path).split("/"));
  return first?.filter((part, i) => rest.every((other) => other[i] === part)).join("/");
}
