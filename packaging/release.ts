// Compiles the executables of a release into dist/release, with their sums and a list of what is inside:
//
//   deno task release
//
// An executable counts when it has been started here and has answered. `deno compile` downloads its runtime for each
// platform; DENORT_BIN names one for this machine's platform instead, which is then the only one that is made.
import { VERSION } from "../cli/version.ts";
import { fromFileUrl } from "npm:deno-std@1.4.0/path/from_file_url.js";
import { billOfMaterials } from "./bill_of_materials.ts";

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
/** The compiler; `.ci/compile` names another Deno. */
const COMPILER = Deno.env.get("DENO_COMPILER") ?? Deno.execPath();
const decoder = new TextDecoder();

await Deno.remove(DIST, { recursive: true }).catch(() => {});
await Deno.mkdir(DIST, { recursive: true });
const runtime = Deno.env.get("DENORT_BIN");
if (runtime) await refuseWholeDeno(runtime);
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
const bill = await billOfMaterials(VERSION, new URL("deno.lock", ROOT));
await Deno.writeTextFile(
  new URL("fastlike.cdx.json", DIST),
  `${JSON.stringify(bill, undefined, 2)}\n`,
);

/** Makes the executable of one platform; returns why it does not count, if so. */
async function make(target: string): Promise<string | undefined> {
  const name = `fastlike-${VERSION}-${target}${target.includes("windows") ? ".exe" : ""}`;
  const path = fromFileUrl(new URL(name, DIST));
  const { success, stderr } = await new Deno.Command(COMPILER, {
    args: [
      ...["compile", "--quiet", "--no-check", "--lock=deno.lock", "--frozen", "-A"],
      ...["--target", target, "--output", path, "cli.ts"],
    ],
    cwd: fromFileUrl(ROOT),
    env: { NO_COLOR: "1" },
  }).output();
  const problem = success ? await problemOf(path, target) : errorIn(stderr);
  if (problem) await Deno.remove(path).catch(() => {});
  else made.push(name);
  return problem;
}

/** Starts an executable; returns what is wrong with it. */
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

/** A whole Deno in the place of its runtime makes a program that opens a prompt with all permissions. */
async function refuseWholeDeno(path: string): Promise<void> {
  if (!/^deno \d/.test(await versionOf(path))) return;
  say("DENORT_BIN is a whole Deno: name the runtime denort of the same version");
  Deno.exit(2);
}

/** Returns what a program says of its version; nothing if it cannot be started, as the compiler only reads it. */
async function versionOf(path: string): Promise<string> {
  try {
    const command = new Deno.Command(path, { args: ["--version"], stdin: "null", stderr: "null" });
    return decoder.decode((await command.output()).stdout);
  } catch {
    return "";
  }
}

async function sumsOf(names: readonly string[]): Promise<string> {
  let text = "";
  for (const name of names) {
    const bytes = await Deno.readFile(new URL(name, DIST));
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    text += `${sum}  ${name}\n`;
  }
  return text;
}

/** Returns the error of what the compiler has written: its first cause that names one. */
function errorIn(bytes: Uint8Array): string {
  const text = decoder.decode(bytes);
  return /^ +1: (.*)$/m.exec(text)?.[1] ?? /^error: (.*)$/m.exec(text)?.[1] ?? text.trim();
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
