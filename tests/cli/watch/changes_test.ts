import { join } from "node:path";
import { watchChanges, watchFiles } from "../../../cli/watch/changes.ts";
import { assertEquals } from "../../assert.ts";

/** Folder of its own, and the changes to its files that are reported. */
class Watched implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  readonly #told: string[][] = [];
  #waiting: ((paths: string[]) => void) | undefined;
  #watch: Disposable | undefined;

  path(name: string): string {
    return join(this.folder, name);
  }

  watch(names: readonly string[], options: { poll?: boolean; interval?: number } = {}): void {
    const files = names.map((name) => this.path(name));
    this.#watch = watchFiles({
      files: () => files,
      changed: (paths) => {
        const told = paths.map((path) => path.slice(this.folder.length + 1));
        const waiting = this.#waiting;
        this.#waiting = undefined;
        if (waiting) waiting(told);
        else this.#told.push(told);
      },
      ...options,
    });
  }

  /** The next change that is reported. */
  next(): Promise<string[]> {
    const told = this.#told.shift();
    return told ? Promise.resolve(told) : new Promise((resolve) => this.#waiting = resolve);
  }

  write(name: string, text: string): void {
    Deno.writeTextFileSync(this.path(name), text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch?.[Symbol.dispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

for (const poll of [false, true]) {
  const how = poll ? ", seen by regular looks alone" : "";
  const options = poll ? { poll, interval: 20 } : {};

  Deno.test(`a rewritten file is a change${how}`, async () => {
    await using watched = new Watched();
    watched.write("a", "one");
    watched.write("b", "one");
    watched.watch(["a", "b"], options);
    watched.write("a", "more");
    assertEquals(await watched.next(), ["a"]);
    watched.write("b", "more");
    assertEquals(await watched.next(), ["b"]);
  });

  Deno.test(`each file that takes another's place is a change, not only the first${how}`, async () => {
    await using watched = new Watched();
    watched.write("a", "0");
    watched.watch(["a"], options);
    for (const text of ["1", "2", "3"]) {
      watched.write("new", text);
      await Deno.rename(watched.path("new"), watched.path("a"));
      assertEquals(await watched.next(), ["a"]);
    }
  });

  Deno.test(`a file that is truncated, removed or made is a change${how}`, async () => {
    await using watched = new Watched();
    watched.write("a", "text");
    watched.watch(["a", "b"], options);
    await Deno.truncate(watched.path("a"));
    assertEquals(await watched.next(), ["a"]);
    await Deno.remove(watched.path("a"));
    assertEquals(await watched.next(), ["a"]);
    watched.write("b", "made");
    assertEquals(await watched.next(), ["b"]);
  });
}

Deno.test("a file is a change after its folder was removed and made again, each time", async () => {
  await using watched = new Watched();
  await Deno.mkdir(watched.path("target/release"), { recursive: true });
  watched.write("target/release/app.wasm", "0");
  watched.watch(["target/release/app.wasm"], { interval: 50 });
  for (const text of ["11", "222"]) {
    await Deno.remove(watched.path("target"), { recursive: true });
    assertEquals(await watched.next(), ["target/release/app.wasm"], "removed");
    await Deno.mkdir(watched.path("target/release"), { recursive: true });
    watched.write("target/release/app.wasm", text);
    assertEquals(await watched.next(), ["target/release/app.wasm"], "made");
    watched.write("target/release/app.wasm", `${text} again`);
    assertEquals(await watched.next(), ["target/release/app.wasm"], "rewritten");
  }
});

Deno.test("a file that is written in pieces is one change, once it is whole", async () => {
  await using watched = new Watched();
  watched.write("a", "");
  watched.watch(["a"]);
  const file = await Deno.open(watched.path("a"), { append: true });
  const piece = new Uint8Array(1000);
  for (let i = 0; i < 20; i++) {
    await file.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  file.close();
  // On a busy machine there may be several; the last is of the whole file.
  do assertEquals(await watched.next(), ["a"]); while (
    (await Deno.stat(watched.path("a"))).size < 20_000
  );
});

Deno.test("a file that is only read is no change", async () => {
  await using watched = new Watched();
  watched.write("a", "text");
  watched.write("b", "text");
  watched.watch(["a", "b"], { interval: 10 });
  await Deno.readTextFile(watched.path("a"));
  watched.write("other", "text");
  await new Promise((resolve) => setTimeout(resolve, 100));
  watched.write("b", "more");
  assertEquals(await watched.next(), ["b"]);
});

Deno.test("events that the system refuses are asked for again", async () => {
  await using watched = new Watched();
  watched.write("a", "text");
  const { watchFs } = Deno;
  const granted = Promise.withResolvers<void>();
  let refusals = 3;
  Deno.watchFs = (...args) => {
    if (refusals-- > 0) throw new Error("No more watches");
    granted.resolve();
    return watchFs(...args);
  };
  try {
    watched.watch(["a"], { interval: 10 });
    await granted.promise;
    assertEquals(refusals, -1);
  } finally {
    Deno.watchFs = watchFs;
  }
  watched.write("a", "more");
  assertEquals(await watched.next(), ["a"]);
});

/** Number of looks until a change is reported of a file that grows at each of some looks. */
async function looksUntilTold(growing: number): Promise<{ looks: number; told: number }> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let [looks, told, first] = [0, 0, 0];
  using _watch = watchChanges({
    snapshot: () => new Map([["a", `${Math.min(looks++, growing)}`]]),
    changed() {
      told++;
      first ||= looks;
      resolve();
    },
    folders: () => [],
    interval: 5,
    settle: 1,
  });
  await promise;
  return { looks: first, told };
}

Deno.test("a change is reported when two looks see the same, or after forty of a file that grows", async () => {
  const { looks, told } = await looksUntilTold(10);
  assertEquals([looks >= 12, looks <= 14, told], [true, true, 1]);
  const endless = await looksUntilTold(Infinity);
  assertEquals([endless.looks >= 40, endless.looks <= 44], [true, true]);
});
