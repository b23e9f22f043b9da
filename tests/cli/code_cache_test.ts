import { join } from "node:path";
import { cacheFolder, codeCacheOf, CodeFolder } from "../../cli/code_cache.ts";
import { assert, assertEquals } from "../assert.ts";
import { guestUrl } from "../guests/serving.ts";
import { CliServer } from "../process.ts";

const KEY = "0123456789abcdef".repeat(4);
const OTHER = KEY.replace("0", "f");
const PARTS = [Uint8Array.of(1, 2, 3), new Uint8Array(3 << 20).fill(7)];
const SOON = { delay: 0 };

class Place implements AsyncDisposable {
  readonly path = join(Deno.makeTempDirSync(), "code");

  async files(): Promise<string[]> {
    const names = [];
    for await (const { name } of Deno.readDir(this.path)) names.push(join(this.path, name));
    return names;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(join(this.path, ".."), { recursive: true });
  }
}

async function keep(folder: CodeFolder, key: string, parts = PARTS): Promise<void> {
  folder.put(key, parts);
  await folder.written;
}

Deno.test("code is found by a later process, in a folder of its user alone", async () => {
  await using place = new Place();
  await keep(new CodeFolder(place.path, SOON), KEY);
  const found = await new CodeFolder(place.path).get(KEY);
  assertEquals(found?.length, PARTS[0]!.length + PARTS[1]!.length);
  assertEquals(found?.subarray(0, 5), Uint8Array.of(1, 2, 3, 7, 7));
  assertEquals(found!.byteOffset % 4, 0);
  assertEquals(await new CodeFolder(place.path).get(OTHER), undefined);
  assertEquals((await Deno.stat(place.path)).mode! & 0o777, 0o700);
  for (const file of await place.files()) {
    assertEquals((await Deno.stat(file)).mode! & 0o777, 0o600);
  }
});

Deno.test("a file that is damaged or cut off is removed", async () => {
  const spoil: ((bytes: Uint8Array<ArrayBuffer>) => Uint8Array)[] = [
    (bytes) => bytes.fill(0, 40, 41),
    (bytes) => bytes.fill(0, 0, 1),
    (bytes) => bytes.subarray(0, -1),
    (bytes) => bytes.subarray(0, 20),
    () => new Uint8Array(),
  ];
  for (const spoiled of spoil) {
    await using place = new Place();
    const folder = new CodeFolder(place.path, SOON);
    await keep(folder, KEY);
    const [file] = await place.files();
    await Deno.writeFile(file!, spoiled(await Deno.readFile(file!)));
    assertEquals(await folder.get(KEY), undefined);
    assertEquals(await place.files(), []);
  }
});

Deno.test({
  name: "a folder that others may read or write is neither read nor written",
  ignore: Deno.build.os === "windows",
  async fn() {
    for (const mode of [0o755, 0o770, 0o702]) {
      await using place = new Place();
      const folder = new CodeFolder(place.path, SOON);
      await keep(folder, KEY);
      await Deno.chmod(place.path, mode);
      assertEquals(await folder.get(KEY), undefined);
      const other = new CodeFolder(place.path, SOON);
      await keep(other, OTHER);
      assertEquals((await place.files()).length, 1);
    }
  },
});

Deno.test("the files that were used longest ago make room for new ones", async () => {
  await using place = new Place();
  const folder = new CodeFolder(place.path, { ...SOON, most: 8 << 20 });
  const keys = ["a", "b", "c"].map((digit) => digit.repeat(64));
  await keep(folder, keys[0]!);
  await keep(folder, keys[1]!);
  for (const file of await place.files()) await Deno.utime(file, 1, file.includes("bbb") ? 1 : 2);
  await keep(folder, keys[2]!);
  assertEquals(await folder.get(keys[1]!), undefined);
  assert(await folder.get(keys[0]!));
  assert(await folder.get(keys[2]!));
});

Deno.test("a file that a process has not finished is removed when it is old, and not before", async () => {
  await using place = new Place();
  const folder = new CodeFolder(place.path, SOON);
  await keep(folder, KEY);
  const [file] = await place.files();
  const unfinished = `${file}.${crypto.randomUUID()}`;
  const fresh = `${file}.${crypto.randomUUID()}`;
  const foreign = join(place.path, "notes");
  for (const path of [unfinished, fresh, foreign]) await Deno.writeTextFile(path, "half");
  for (const path of [unfinished, foreign]) await Deno.utime(path, 1, 1);
  await keep(folder, OTHER);
  const names = await place.files();
  assert(!names.includes(unfinished));
  assert(names.includes(fresh) && names.includes(foreign) && names.includes(file!));
});

Deno.test("many that keep and read the same code at a time see all of it or none", async () => {
  await using place = new Place();
  const folders = Array.from({ length: 8 }, () => new CodeFolder(place.path, SOON));
  for (const folder of folders) folder.put(KEY, PARTS);
  let writing = true;
  const all = Promise.all(folders.map((folder) => folder.written)).then(() => writing = false);
  while (writing) {
    const found = await new CodeFolder(place.path).get(KEY);
    assert(found === undefined || found.length === (3 << 20) + 3);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await all;
  assertEquals((await new CodeFolder(place.path).get(KEY))?.length, (3 << 20) + 3);
  assertEquals((await place.files()).length, 1);
});

Deno.test("a folder that cannot be made keeps nothing, without a message", async () => {
  const folder = new CodeFolder("/dev/null/code", SOON);
  await keep(folder, KEY);
  assertEquals(await folder.get(KEY), undefined);
});

Deno.test("the folder is among the user's caches", () => {
  const at = (os: typeof Deno.build.os, variables: Readonly<Record<string, string>>) =>
    cacheFolder((name) => variables[name], os);
  assertEquals(at("linux", { HOME: "/home/a" }), "/home/a/.cache/fastlike/code");
  assertEquals(at("linux", { HOME: "/home/a", XDG_CACHE_HOME: "/x" }), "/x/fastlike/code");
  assertEquals(at("darwin", { HOME: "/Users/a" }), "/Users/a/Library/Caches/fastlike/code");
  assertEquals(at("windows", { LOCALAPPDATA: "C:" }), join("C:", "fastlike", "code"));
  assertEquals(at("linux", {}), undefined);
  assertEquals(codeCacheOf("off"), undefined);
});

Deno.test("a program that was served before is served from kept code, and without it if that is spoiled", async () => {
  await using place = new Place();
  const args = [guestUrl("rust").pathname, "--code-cache", place.path];
  await Deno.mkdir(place.path, { mode: 0o700 });
  const answers = async () => {
    const server = await CliServer.start(args);
    assertEquals((await server.ask("/hello")).text, "Hello from rust\n");
    return server;
  };
  const kept = async () => (await place.files()).find((name) => /-[\d.]+[^.]*$/.test(name));
  {
    await using _first = await answers();
    while (!await kept()) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const file = (await kept())!;
  await Deno.utime(file, 1, 1);
  {
    await using _second = await answers();
    // A file that is used is the newest again.
    while ((await Deno.stat(file)).mtime!.getTime() < 10_000) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  await Deno.truncate(file, 1000);
  await using _third = await answers();
  while (!await kept() || (await Deno.stat(file).catch(() => undefined))?.size === 1000) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});
