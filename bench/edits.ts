// Shows how long it takes from an edit of a source to a new answer, and how much of that is not the build:
//
//   deno run -A bench/edits.ts [language...]
//
// The projects are those of the quick start, and their builds use what `deno task guests` has left. An edit changes a
// text of the program: into one of the same length, which leaves the code as it is, or into a longer one, after which other
// data has other addresses. A client asks again 50 ms after each answer: without a pause V8 would optimise the former
// program meanwhile (README.md).
import { command } from "../tests/cli/commands.ts";
import { Project } from "../tests/cli/watch/project.ts";
import { commandsOf, type Language, quickStartFiles, TOOLS, warm } from "../tests/quick_start.ts";

const EDITS = 5;
const PAUSE_MILLIS = 50;
const BUILDS: Readonly<Record<Language, string>> = {
  Rust: "cargo build --release --target wasm32-wasip1 && " +
    "cp target/wasm32-wasip1/release/app.wasm app.wasm",
  Go: "GOOS=wasip1 GOARCH=wasm go build -o app.wasm .",
  JavaScript: "npx js-compute-runtime src/index.js app.wasm",
};
/** Texts in the place of "Hello" by their number, which begins with 0. */
const TEXTS: Readonly<Record<string, (number: number) => string>> = {
  "the same length": (number) => `Edit ${number}`,
  "another length": (number) => `Longer${" and longer".repeat(number + 1)}`,
};
const SOURCES = { Rust: "src/main.rs", Go: "main.go", JavaScript: "src/index.js" };

for (const language of TOOLS.keys()) {
  if (!Deno.args.length || Deno.args.includes(language)) await measure(language);
}

async function measure(language: Language): Promise<void> {
  await using project = new Project();
  for (const [path, text] of Object.entries(quickStartFiles(language))) {
    await project.write(path, text);
  }
  project.env = await warm(language, project.folder, true);
  if (language === "Go") {
    const [get] = /(?<=\n)go get .*/.exec(commandsOf("Go")[0]!)!;
    const place = { cwd: project.folder, env: project.env };
    await command("sh", ["-ec", `go mod init app\n${get}`], place);
  }
  const times = `${project.folder}.times`; // beside what is watched
  const build = `date +%s%N > ${times} && ${BUILDS[language]} && date +%s%N >> ${times}`;
  await project.serve(
    ...["app.wasm", "--watch", "--watch-dir", SOURCES[language], "--build", build],
    ...["--mock", "origin=mock.json"],
  );
  let old = "Hello";
  for (const [kind, textOf] of Object.entries(TEXTS)) {
    const results = [];
    // The first edit is not measured: its text differs in its kind from the one before.
    for (let i = 0; i <= EDITS; i++) {
      const next = textOf(i);
      const began = Date.now();
      await project.edit(SOURCES[language], old, next);
      old = next;
      while (await project.ask("/user") !== `${next}, Ada!`) {
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLIS));
      }
      const millis = Date.now() - began;
      const [first, last] = (await Deno.readTextFile(times)).split("\n").map((text) => +text / 1e6);
      const built = last! - first!;
      if (i) results.push({ built, rest: millis - built });
    }
    results.sort((one, other) => one.rest - other.rest);
    const middle = results[EDITS >> 1]!;
    const [best, worst] = [results[0]!.rest, results.at(-1)!.rest];
    await Deno.stdout.write(new TextEncoder().encode(
      `${language}, ${kind}: ${Math.round(middle.rest)} ms beyond a build of ` +
        `${Math.round(middle.built)} ms ` +
        `(of ${EDITS} edits ${Math.round(best)} to ${Math.round(worst)} ms)\n`,
    ));
  }
  await Deno.remove(times);
}
