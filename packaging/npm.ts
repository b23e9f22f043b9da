// Makes the packages for npm, in dist/npm, and their tarballs:
//
//   deno task npm
import { VERSION } from "../cli/version.ts";
import { bundle } from "./bundle.ts";
import { writeDeclarations } from "./declarations.ts";

const ROOT = new URL("../", import.meta.url);
const DIST = new URL("dist/npm/", ROOT);
const TEMPLATES = new URL("npm/", import.meta.url);
/** Version of Deno that the package brings: the one that the tests run on. */
const DENO = "2.9.6";
/** Subpaths of the package, with their modules. */
const EXPORTS: Readonly<Record<string, string>> = {
  ".": "mod.ts",
  "./testing": "testing.ts",
  "./testing/files": "testing/files.ts",
  "./server": "server/mod.ts",
  "./manifest": "manifest.ts",
  "./drivers": "drivers/mod.ts",
  "./drivers/components": "drivers/components.ts",
  "./drivers/images": "drivers/images.ts",
  "./drivers/redis": "drivers/redis.ts",
  "./drivers/sqlite": "drivers/sqlite.ts",
};
const COMMON = {
  version: VERSION,
  license: "MIT",
  type: "module",
  engines: { node: ">=18" },
};

await Deno.remove(DIST, { recursive: true }).catch(() => {});
await makeFastlike(new URL("fastlike/", DIST));
await makeViceroy(new URL("fastlike-viceroy/", DIST));
for (const name of ["fastlike", "fastlike-viceroy"]) await pack(name);

async function makeFastlike(to: URL): Promise<void> {
  const modules = Object.values(EXPORTS);
  await bundle({ entries: ["cli.ts", ...modules], to: new URL("lib", to).pathname });
  await writeDeclarations(ROOT, modules, new URL("types/", to));
  await Deno.writeTextFile(new URL("node.js", to), await refusalOf(modules));
  await copy(TEMPLATES, ["run.cjs"], to);
  await copy(new URL("bin/", TEMPLATES), ["fastlike.cjs"], new URL("bin/", to));
  await copy(ROOT, ["LICENSE"], to);
  await copy(TEMPLATES, ["README.md"], to);
  await writeJson(new URL("package.json", to), {
    name: "fastlike",
    description: "Runs programs written for Fastly Compute on your own machines",
    keywords: ["fastly", "compute", "viceroy", "webassembly", "wasm", "edge", "deno"],
    ...COMMON,
    bin: { fastlike: "bin/fastlike.cjs" },
    exports: {
      ...Object.fromEntries(
        Object.entries(EXPORTS).map(([path, module]) => [path, {
          types: `./types/${module.replace(/\.ts$/, ".d.ts")}`,
          deno: `./lib/${module.replace(/\.ts$/, ".js")}`,
          node: "./node.js",
          default: `./lib/${module.replace(/\.ts$/, ".js")}`,
        }]),
      ),
      "./run": "./run.cjs",
    },
    dependencies: { deno: DENO },
  });
}

/**
 * Returns the module that node gets in place of any other, and that says what to do. It has all names that these export,
 * since node looks for imported names before it runs a module.
 */
async function refusalOf(modules: readonly string[]): Promise<string> {
  const exported = await Promise.all(
    modules.map(async (module) => Object.keys(await import(new URL(module, ROOT).href))),
  );
  const names = [...new Set(exported.flat())].map((name) => `nothing as ${name}`);
  const message = "Cannot load fastlike in node: its programs wait by WebAssembly's suspension, " +
    "which node has not. Use Deno, which the package brings (npx deno test -A …)";
  return `const nothing = undefined;
export { ${names.join(", ")} };
throw new Error(${JSON.stringify(message)});
`;
}

/** Makes the package of the bin `viceroy`: one of its own, so that installing `fastlike` adds no program of that name. */
async function makeViceroy(to: URL): Promise<void> {
  await copy(new URL("bin/", TEMPLATES), ["viceroy.cjs"], new URL("bin/", to));
  await copy(ROOT, ["LICENSE"], to);
  await writeJson(new URL("package.json", to), {
    name: "fastlike-viceroy",
    description:
      "Has the Fastly CLI run programs in fastlike, which is started under the name viceroy",
    ...COMMON,
    bin: { viceroy: "bin/viceroy.cjs" },
    dependencies: { fastlike: VERSION },
  });
}

async function copy(from: URL, names: readonly string[], to: URL): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for (const name of names) await Deno.copyFile(new URL(name, from), new URL(name, to));
}

async function writeJson(file: URL, value: unknown): Promise<void> {
  await Deno.writeTextFile(file, `${JSON.stringify(value, undefined, 2)}\n`);
}

async function pack(name: string): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command("npm", {
    args: ["pack", "--silent", `./${name}`],
    cwd: DIST.pathname,
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`npm pack failed:\n${decoder.decode(stderr)}`);
  await Deno.stdout.write(new TextEncoder().encode(`Made dist/npm/${decoder.decode(stdout)}`));
}
