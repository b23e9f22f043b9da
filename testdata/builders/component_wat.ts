// Assembles `testdata/component-wat/*.wat`. A line `;;= NAME: WORD=TEXT …` makes a component of its own of the file, in
// which each word stands for its text; a space in it has a backslash before it.

import { BUILT, run, TESTDATA, toPath } from "./common.ts";
import { cargoTarget } from "./rust.ts";

const SOURCES = new URL("component-wat/", TESTDATA);
const GUEST = "component-wat";

export async function build(): Promise<void> {
  const project = toPath(SOURCES);
  const target = cargoTarget();
  const env = { CARGO_TARGET_DIR: target };
  await run(GUEST, "cargo", ["build", "--locked"], { cwd: project, env });
  const assembler = `${target}/debug/fastlike-component-wat`;
  await Deno.mkdir(BUILT, { recursive: true });
  const folder = await Deno.makeTempDir();
  try {
    for await (const { name: file } of Deno.readDir(SOURCES)) {
      if (!file.endsWith(".wat")) continue;
      const source = await Deno.readTextFile(new URL(file, SOURCES));
      for (const [, name, words] of source.matchAll(/^;;= ([\w-]+):(.*)$/gm)) {
        const path = `${folder}/${name}.wat`;
        await Deno.writeTextFile(path, written(source, words!));
        const output = toPath(new URL(`component-${name}.wasm`, BUILT));
        await run(GUEST, assembler, [path, output]);
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function written(source: string, words: string): string {
  const texts = new Map<string, string>();
  for (const [, word, text] of words.matchAll(/([A-Z_]+)=((?:\\ |\S)*)/g)) {
    texts.set(word!, text!.replaceAll("\\ ", " "));
  }
  return source.replace(/\b[A-Z][A-Z_]+\b/g, (word) => texts.get(word) ?? word);
}
