// Compiles the executables of a release into dist/release, with their sums and a list of what is inside:
//
//   deno task release
//
// An executable is part of the release once it was started here and has answered a request. `deno compile` downloads its runtime for each
// platform; DENORT_BIN names one for this machine's platform instead, which is then the only one that is made.
import { VERSION } from "../cli/version.ts";
import { digestOf } from "../service/util/digest.ts";
import { fromFileUrl } from "npm:deno-std@1.4.0/path/from_file_url.js";
import { billOfMaterials } from "./bill_of_materials.ts";
import { compile, COMPILER, refuseWholeDeno, say, versionOf } from "./compiler.ts";

const ROOT = new URL("../", import.meta.url);
const DIST = new URL("dist/release/", ROOT);
const GUEST = new URL("testdata/built/rust.wasm", ROOT);
const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];

await refuseWholeDeno();
await Deno.remove(DIST, { recursive: true }).catch(() => {});
await Deno.mkdir(DIST, { recursive: true });
const runtime = Deno.env.get("DENORT_BIN");
const made: string[] = [];
for (const target of TARGETS) {
  const problem = runtime && target !== Deno.build.target
    ? "DENORT_BIN is of another platform"
    : await make(target);
  say(problem ? `${target}: not made here: ${problem}` : `${target}: made, started, has answered`);
}
if (!made.length) {
  say("No executable was made");
  Deno.exit(1);
}
await Deno.writeTextFile(new URL("SHA256SUMS", DIST), await sumsOf(made));
const lock = new URL("deno.lock", ROOT);
const bill = await billOfMaterials(VERSION, lock, await versionOf(COMPILER));
await Deno.writeTextFile(
  new URL("fastlike.cdx.json", DIST),
  `${JSON.stringify(bill, undefined, 2)}\n`,
);

/**
 * Makes the executable of one platform.
 *
 * @returns Reason why it is not part of the release, as a clause; undefined if it is.
 */
async function make(target: string): Promise<string | undefined> {
  const name = `fastlike-${VERSION}-${target}${target.includes("windows") ? ".exe" : ""}`;
  const path = fromFileUrl(new URL(name, DIST));
  const problem = await compile(path, target) ?? await problemOf(path, target);
  if (problem) await Deno.remove(path).catch(() => {});
  else made.push(name);
  return problem;
}

/** Starts an executable and sends it a request; returns what is wrong, as a clause, or undefined. */
async function problemOf(path: string, target: string): Promise<string | undefined> {
  if (target !== Deno.build.target) return "it cannot be started on this machine";
  const version = await versionOf(path);
  if (version !== `fastlike ${VERSION}\n`) return `its --version says ${JSON.stringify(version)}`;
  const child = new Deno.Command(path, {
    args: [fromFileUrl(GUEST), "--bind", "127.0.0.1:0"],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  try {
    const { value } = await lines.next();
    const [, url] = /^Listening on (\S+)/.exec(value ?? "") ?? [];
    if (!url) return "it does not listen";
    const response = await fetch(`${url}/hello`);
    return await response.text() === "Hello from rust\n" ? undefined : "it does not answer /hello";
  } finally {
    child.kill();
    while (!(await lines.next()).done);
    await child.status;
  }
}

async function sumsOf(names: readonly string[]): Promise<string> {
  let text = "";
  for (const name of names) {
    const bytes = await Deno.readFile(new URL(name, DIST));
    text += `${await digestOf(bytes)}  ${name}\n`;
  }
  return text;
}
