// Makes the library as one module for imports by URL, dist/fastlike.js, with its types in dist/types:
//
//   deno task bundle
//
// Packages of npm stay imports, which Deno caches by themselves.
import { bundle } from "./bundle.ts";
import { writeDeclarations } from "./declarations.ts";

const ROOT = new URL("../", import.meta.url);
const DIST = new URL("dist/", ROOT);
const MADE = new URL("fastlike.js", DIST);

const folder = await Deno.makeTempDir();
try {
  await bundle({ entries: ["mod.ts"], to: folder, external: "npm:*" });
  await Deno.mkdir(DIST, { recursive: true });
  const code = await Deno.readTextFile(`${folder}/mod.js`);
  await Deno.writeTextFile(MADE, `/* @ts-self-types="./types/mod.d.ts" */\n${code}`);
} finally {
  await Deno.remove(folder, { recursive: true });
}
await writeDeclarations(ROOT, ["mod.ts"], new URL("types/", DIST), ".d.ts");
await Deno.stdout.write(new TextEncoder().encode("Made dist/fastlike.js\n"));
