// Every block of docs/watch.md, as pasted.
import { assertEquals } from "../../assert.ts";
import { command, ROOT } from "../commands.ts";
import { TOOLS } from "../../quick_start.ts";
import { guestUrl } from "../../guests/serving.ts";
import { writeGo } from "./go_project.ts";
import { Project } from "./project.ts";
import { RUST } from "./rust_project.ts";

const PAGE = await Deno.readTextFile(`${ROOT}/docs/watch.md`);
const BLOCKS = Array.from(PAGE.matchAll(/^```(\w+)\n(.*?)^```$/gms), ([, , text]) => text!);

/** Serves a project as a block says: the shell reads its words. */
async function paste(project: Project, block: string): Promise<void> {
  const words = 'fastlike() { printf "%s\\n" "$@"; }\n';
  const { code, stdout, stderr } = await command("sh", ["-ec", words + block]);
  assertEquals([code, stderr], [0, ""]);
  await project.serve(...stdout.trimEnd().split("\n"));
}

/** Checks for each block of the page; a tool that one needs may be missing. */
const FOLLOWED: readonly [
  what: string,
  there: boolean,
  follow: (block: string) => Promise<void>,
][] = [
  ["a program that is replaced is served", true, async (block) => {
    await using project = new Project();
    await project.write("app.wasm", await Deno.readFile(guestUrl("rust")));
    await paste(project, block);
    assertEquals(await project.ask("/hello"), "Hello from rust\n");
    await project.write("app.wasm", await Deno.readFile(guestUrl("rust-component")));
    await project.told(/^info: Reloaded in/);
    assertEquals(await project.ask("/hello"), "Hello from rust component\n");
  }],
  ["a project is built, and built again at an edit", TOOLS.get("Rust")!, async (block) => {
    await using project = new Project();
    for (const [path, text] of Object.entries(RUST)) await project.write(path, text);
    await paste(project, block);
    assertEquals(await project.ask(), "Hello, Ada!");
    await project.edit("src/main.rs", "Hello", "Bye");
    await project.told(/^info: Reloaded in/);
    assertEquals(await project.ask(), "Bye, Ada!");
  }],
  ["a command builds at an edit of its source", TOOLS.get("Go")!, async (block) => {
    await using project = new Project();
    await writeGo(project);
    await paste(project, `${block.trimEnd()} --mock origin=mock.json`);
    assertEquals(await project.ask("/user"), "Hello, Ada!");
    await project.edit("main.go", "Hello", "Bye");
    await project.told(/^info: Reloaded in/);
    assertEquals(await project.ask("/user"), "Bye, Ada!");
  }],
];

Deno.test("the page has no other block", () => assertEquals(BLOCKS.length, FOLLOWED.length));

for (const [i, [what, there, follow]] of FOLLOWED.entries()) {
  Deno.test({
    name: `block ${i + 1} of watch.md: ${what}${there ? "" : " (skipped: install its tools)"}`,
    ignore: !there,
    fn: () => follow(BLOCKS[i]!),
  });
}
