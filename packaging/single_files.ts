// Makes what is imported or installed by URL as one file each, which needs nothing beside it:
//
//   deno task bundle
//
// dist/fastlike.js is the library, with its types in dist/types; packages of npm stay imports, which Deno caches by
// themselves. dist/fastlike-cli.js is the command with its packages: Deno keeps less of one file than of the several
// hundred modules of a checkout.
import { bundle } from "./bundle.ts";
import { writeDeclarations } from "./declarations.ts";

const ROOT = new URL("../", import.meta.url);
const DIST = new URL("dist/", ROOT);

await Deno.mkdir(DIST, { recursive: true });
const library = await bundled("mod.ts", "npm:*");
await write("fastlike.js", `/* @ts-self-types="./types/mod.d.ts" */\n${library}`);
await writeDeclarations(ROOT, ["mod.ts"], new URL("types/", DIST), ".d.ts");
await write("fastlike-cli.js", await bundled("cli.ts"));

async function bundled(entry: string, external?: string): Promise<string> {
  const to = await Deno.makeTempDir();
  try {
    await bundle({ entries: [entry], to, ...(external && { external }) });
    return await Deno.readTextFile(`${to}/${entry.replace(/ts$/, "js")}`);
  } finally {
    await Deno.remove(to, { recursive: true });
  }
}

async function write(name: string, code: string): Promise<void> {
  await Deno.writeTextFile(new URL(name, DIST), code);
  await Deno.stdout.write(new TextEncoder().encode(`Made dist/${name}\n`));
}
