import { join } from "node:path";
import { snapshotOf, watchTrees } from "../../../cli/watch/tree.ts";
import { assertEquals } from "../../assert.ts";

function tree(files: Readonly<Record<string, string>>): string {
  const folder = Deno.makeTempDirSync();
  for (const [path, text] of Object.entries(files)) {
    Deno.mkdirSync(join(folder, path, ".."), { recursive: true });
    Deno.writeTextFileSync(join(folder, path), text);
  }
  return folder;
}

Deno.test("files that .gitignore and .fastlyignore name are no sources, in their own folder and below, nor are folders of caches", () => {
  const folder = tree({
    ".gitignore": "/target\n*.log\n",
    ".fastlyignore": "notes\n",
    "src/main.rs": "",
    "src/a.log": "",
    "src/sub/.gitignore": "!keep.log\nmade.rs\n",
    "src/sub/made.rs": "",
    "src/sub/lib.rs": "",
    "src/target/x.rs": "",
    "target/x.rs": "",
    "notes/todo": "",
    "node_modules/a/index.js": "",
    "made/CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55",
    "made/release/app.d": "",
    ".git/HEAD": "",
  });
  const paths = [...snapshotOf([folder]).keys()].map((path) => path.slice(folder.length + 1))
    .sort();
  assertEquals(paths, [
    ".fastlyignore",
    ".gitignore",
    "src/main.rs",
    "src/sub/.gitignore",
    "src/sub/lib.rs",
    "src/target/x.rs",
  ]);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("changes below a folder are reported: new files, new folders, removed ones; built files are not", async () => {
  const folder = tree({ "src/main.rs": "", "bin/main.wasm": "" });
  let tell = (_: readonly string[]) => {};
  const next = () => new Promise<readonly string[]>((resolve) => tell = resolve);
  const watch = watchTrees({
    roots: [folder],
    except: () => [join(folder, "bin/main.wasm")],
    changed: (paths) => tell(paths.map((path) => path.slice(folder.length + 1))),
    interval: 50,
  });
  try {
    let told = next();
    await Deno.writeTextFile(join(folder, "bin/main.wasm"), "built");
    await Deno.writeTextFile(join(folder, "src/lib.rs"), "");
    assertEquals(await told, ["src/lib.rs"]);
    told = next();
    await Deno.mkdir(join(folder, "src/deep/er"), { recursive: true });
    await Deno.writeTextFile(join(folder, "src/deep/er/mod.rs"), "");
    assertEquals(await told, ["src/deep/er/mod.rs"]);
    told = next();
    await Deno.remove(join(folder, "src/deep"), { recursive: true });
    assertEquals(await told, ["src/deep/er/mod.rs"]);
  } finally {
    watch[Symbol.dispose]();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("events tell of a root that is a file, and of a folder that is made later", async () => {
  const folder = tree({ "main.go": "" });
  const roots = [join(folder, "main.go"), join(folder, "src")];
  let tell = (_: readonly string[]) => {};
  const next = () => new Promise<readonly string[]>((resolve) => tell = resolve);
  // No regular look comes in time.
  using _watch = watchTrees({ roots, changed: (paths) => tell(paths), interval: 2 ** 30 });
  let told = next();
  await Deno.writeTextFile(roots[0]!, "package main");
  assertEquals(await told, [roots[0]!]);
  told = next();
  await Deno.mkdir(roots[1]!);
  await told;
  await new Promise((resolve) => setImmediate(resolve)); // its events are asked for in the same turn
  told = next();
  await Deno.writeTextFile(join(roots[1]!, "a.go"), "");
  assertEquals(await told, [join(roots[1]!, "a.go")]);
  await Deno.remove(folder, { recursive: true });
});
