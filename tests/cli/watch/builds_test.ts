import { assertEquals } from "../../assert.ts";
import { type Language, quickStartFiles, TOOLS, warm } from "../../quick_start.ts";
import { writeGo } from "./go_project.ts";
import { Project } from "./project.ts";
import { RUST } from "./rust_project.ts";

interface Followed {
  readonly language: Language;
  readonly files: Readonly<Record<string, string>>;
  readonly source: string;
  readonly flags: readonly string[];
  /** Text in place of `Hello` that does not compile. */
  readonly broken: string;
}

const MOCK = ["--mock", "origin=mock.json"];
const FOLLOWED: readonly Followed[] = [
  {
    language: "Rust",
    files: RUST,
    source: "src/main.rs",
    flags: [],
    broken: 'Hello" 1 "',
  },
  {
    language: "Go",
    files: {},
    source: "main.go",
    flags: ["app.wasm", ...MOCK, "--watch-dir", "main.go"].concat(
      ["--build", "GOOS=wasip1 GOARCH=wasm go build -o app.wasm ."],
    ),
    broken: 'Hello" 1 "',
  },
  {
    language: "JavaScript",
    files: {
      ...quickStartFiles("JavaScript"),
      "package.json": '{ "name": "app", "private": true }\n',
      "fastly.toml": '[scripts]\nbuild = "npx js-compute-runtime src/$MAIN bin/main.wasm"\n' +
        'env_vars = ["MAIN=index.js"]\n',
    },
    source: "src/index.js",
    flags: MOCK,
    broken: "Hello` 1 `",
  },
];

for (const { language, files, source, flags, broken } of FOLLOWED) {
  const there = TOOLS.get(language)!;
  Deno.test({
    name: `each build of a ${language} program is served, and after one that fails the old program${
      there ? "" : " (skipped: install its tools)"
    }`,
    ignore: !there,
    async fn() {
      await using project = new Project();
      for (const [path, text] of Object.entries(files)) await project.write(path, text);
      if (language === "Go") await writeGo(project);
      if (language === "JavaScript") project.env = await warm(language, project.folder, true);
      await project.serve("--watch", ...flags);
      const answer = () => project.ask("/user");
      assertEquals(await answer(), "Hello, Ada!");
      await project.edit(source, "Hello", "Good day");
      assertEquals(await notes(project, 2), ["info: Building", "info: Reloaded"]);
      assertEquals(await answer(), "Good day, Ada!");
      await project.edit(source, "Good day", broken);
      assertEquals(await notes(project, 2), [
        "info: Building",
        "error: The build has failed: the old program goes on",
      ]);
      assertEquals(await answer(), "Good day, Ada!");
      if (language === "Rust") await clean(project);
      await project.edit(source, broken, "Bye");
      // No build has made another one meanwhile.
      assertEquals(await notes(project, 2), ["info: Building", "info: Reloaded"]);
      assertEquals(await answer(), "Bye, Ada!");
    },
  });
}

/** The next messages of the server; the output of builds is between them. */
async function notes(project: Project, count: number): Promise<string[]> {
  const told = [];
  for (let i = 0; i < count; i++) told.push(await project.told(/^(info|warning|error): [A-Z]/));
  return told.map((line) => line.replace(/ in \d+ ms$/, ""));
}

/** Removes the folder of the program that is served, as `cargo clean` does. */
async function clean(project: Project): Promise<void> {
  const cargo = new Deno.Command("cargo", {
    args: ["clean"],
    cwd: project.folder,
    stderr: "null",
  });
  assertEquals((await cargo.output()).code, 0);
  assertEquals(
    await Array.fromAsync(Deno.readDir(project.folder), ({ name }) => name).then((names) =>
      names.includes("target")
    ),
    false,
  );
  // The missing program is reported, unless the next build ends before.
  await project.told(/^error: Cannot find the program .*The old program goes on$/);
  assertEquals(await project.ask("/user"), "Good day, Ada!");
}
