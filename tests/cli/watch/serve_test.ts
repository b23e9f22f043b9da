import { join } from "node:path";
import { assemble } from "../../../cli/wat.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../assert.ts";
import { guestUrl } from "../../guests/serving.ts";
import { Cli } from "../../process.ts";
import { guest, Project } from "./project.ts";

const RUST = guestUrl("rust");

Deno.test("with --watch a replaced program is served, and a broken one is logged only", async () => {
  await using project = new Project();
  await project.write("app.wat", guest("one"));
  await project.serve("app.wat", "--watch");
  assertEquals(await project.ask(), "one");
  await project.write("app.wat", guest("two"));
  await project.told(/^info: Reloaded in/);
  assertEquals(await project.ask(), "two");
  await project.write("app.wat", "(module");
  assertMatch(
    await project.told(/The old program goes on/),
    /^error: Cannot (run|read) app\.wat: .*\. The old program goes on$/,
  );
  assertEquals(await project.ask(), "two");
  await project.write("app.wat", guest("three"));
  await project.told(/^info: Reloaded in/);
  assertEquals(await project.ask(), "three");
});

Deno.test("with --watch changes of fastly.toml and of files that it names are served, and mistakes are logged only", async () => {
  await using project = new Project();
  const manifest = (file: string) =>
    `[local_server.config_stores.settings]\nformat = "json"\nfile = "${file}"\n` +
    `[[local_server.kv_stores.settings]]\nkey = "seed"\ndata = "${file}"\n`;
  await project.write("app.wasm", await Deno.readFile(RUST));
  await project.write("a.json", '{ "greeting": "from a" }');
  await project.write("fastly.toml", manifest("a.json"));
  await project.serve("app.wasm", "--watch");
  const greeting = () => project.ask("/config?key=greeting");
  assertEquals(await greeting(), "from a");
  await project.ask("/kv/put?key=mine", { method: "POST", body: "kept" });
  await project.write("a.json", '{ "greeting": "from a, later" }');
  await project.told(/^info: Reloaded in/);
  assertEquals(await greeting(), "from a, later");
  await project.write("fastly.toml", manifest("b.json"));
  assertMatch(await project.told(/The old program goes on/), /^error: .*b\.json/);
  assertEquals(await greeting(), "from a, later");
  await project.write("b.json", '{ "greeting": "from b" }');
  await project.told(/^info: Reloaded in/);
  assertEquals(await greeting(), "from b");
  assertEquals(await project.ask("/kv/get?key=mine"), "kept");
  assertEquals(await project.ask("/kv/get?key=seed"), "b.json");
});

Deno.test("with --watch a component takes a module's place, and a module a component's", async () => {
  await using project = new Project();
  const component = await Deno.readFile(guestUrl("rust-component"));
  const ask = () => project.ask("/hello");
  await project.write("app.wasm", component);
  await project.serve("app.wasm", "--watch");
  assertEquals(await ask(), "Hello from rust component\n");
  await project.write("app.wasm", await Deno.readFile(RUST));
  await project.told(/^info: Reloaded in/);
  assertEquals(await ask(), "Hello from rust\n");
  await project.write("app.wasm", component.subarray(0, component.length >> 1));
  await project.told(/^error: Cannot run app\.wasm: .*The old program goes on$/);
  assertEquals(await ask(), "Hello from rust\n");
  await project.write("app.wasm", component);
  await project.told(/^info: Reloaded in/);
  assertEquals(await ask(), "Hello from rust component\n");
});

Deno.test("with --watch-poll a replaced file, another program and an edited source are served, without the system's events", async () => {
  await using project = new Project();
  const settings = '[local_server.config_stores.settings]\nformat = "json"\nfile = "a.json"\n';
  const build = '[scripts]\nbuild = "mkdir -p bin && cp src/app.wasm bin/main.wasm"\n';
  await project.write("a.json", '{ "greeting": "from a" }');
  await project.write("fastly.toml", build + settings);
  await project.write("src/app.wasm", await Deno.readFile(RUST));
  await project.serve("--watch", "--watch-poll", "--watch-dir", "src");
  if (Deno.build.os === "linux") assertEquals(await eventsOf(project.cli.pid), []);
  const greeting = () => project.ask("/config?key=greeting");
  assertEquals(await greeting(), "from a");
  await project.write("a.json", '{ "greeting": "replaced" }');
  await project.told(/^info: Reloaded in/);
  assertEquals(await greeting(), "replaced");
  await Deno.writeTextFile(join(project.folder, "a.json"), '{ "greeting": "written" }');
  await project.told(/^info: Reloaded in/);
  assertEquals(await greeting(), "written");
  await project.write("bin/main.wasm", await assemble("guest.wat", guest("swapped")));
  await project.told(/^info: Reloaded in/);
  assertEquals(await project.ask(), "swapped");
  await project.write("src/app.wasm", await assemble("guest.wat", guest("built")));
  await project.told(/^info: Building/);
  await project.told(/^info: Reloaded in/);
  assertEquals(await project.ask(), "built");
  await Deno.remove(join(project.folder, "bin"), { recursive: true });
  await project.told(/^error: .*The old program goes on$/);
  assertEquals(await project.ask(), "built");
  await project.write("bin/main.wasm", await assemble("guest.wat", guest("back")));
  await project.told(/^info: Reloaded in/);
  assertEquals(await project.ask(), "back");
});

/** Descriptors by which a process gets events of files. */
async function eventsOf(pid: number): Promise<string[]> {
  const links = await Array.fromAsync(
    Deno.readDir(`/proc/${pid}/fd`),
    ({ name }) => Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => ""),
  );
  return links.filter((link) => link.includes("inotify"));
}

Deno.test("SIGHUP reloads, also without --watch", async () => {
  await using project = new Project();
  await project.write("app.wat", guest("one"));
  await project.serve("app.wat");
  await project.write("app.wat", guest("two"));
  assertEquals(await project.ask(), "one");
  project.cli.signal("SIGHUP");
  await project.told(/^info: Reloaded in/);
  assertEquals(await project.ask(), "two");
});

Deno.test("without a program the project of fastly.toml is built and served, and built again at each change", async () => {
  await using project = new Project();
  await project.write("src/app.wat", guest("one"));
  const build = "test ! -e broken && mkdir -p bin && cp src/app.wat bin/main.wasm";
  await project.write("fastly.toml", `language = "other"\n[scripts]\nbuild = "${build}"\n`);
  await project.serve("--watch");
  assertEquals(await project.ask(), "one");
  await project.write("src/app.wat", guest("two"));
  await project.told(/^info: Building/);
  await project.told(/^info: Reloaded in/);
  assertEquals(await project.ask(), "two");
  await project.write("broken", "");
  await project.told(/^error: The build has failed: the old program goes on/);
  assertEquals(await project.ask(), "two");
  await project.write("src/app.wat", guest("three"));
  await project.told(/^error: The build has failed/);
  await Deno.remove(join(project.folder, "broken"));
  await project.told(/^info: Reloaded in/);
  assertEquals(await project.ask(), "three");
});

Deno.test("without a program and without a fastly.toml the start names both", async () => {
  const folder = await Deno.makeTempDir();
  const { code, stderr } = await new Cli([], { cwd: folder }).end();
  assertEquals(
    [code, stderr],
    [2, "Cannot start without a program: name a .wasm file, or see --help\n"],
  );
  await Deno.remove(folder, { recursive: true });
});

for (
  const [what, manifest, message] of [
    ["a build that fails", '[scripts]\nbuild = "exit 3"', "the build command has failed"],
    ["a build that makes nothing", '[scripts]\nbuild = "true"', "there is no bin/main.wasm"],
    ["no build command", 'name = "x"', "fastly.toml has no build command"],
  ] as const
) {
  Deno.test(`a project with ${what} is one line and status 1`, async () => {
    await using project = new Project();
    await project.write("fastly.toml", manifest);
    const { code, stderr } = await new Cli([], { cwd: project.folder }).end();
    assertEquals(code, 1);
    assertStringIncludes(stderr, message);
    assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
  });
}

Deno.test("with --live-reload pages get a script, and an event at each reload", async () => {
  await using origin = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const headers = { "content-type": "text/html", etag: '"1"' };
    const text = "<p>page</p>";
    if (new URL(request.url).pathname === "/text") return new Response(text);
    const streamed = new Blob([text]).stream();
    return new Response(request.url.endsWith("/whole") ? text : streamed, { headers });
  });
  await using project = new Project();
  await project.write("app.wasm", await Deno.readFile(RUST));
  const backend = `http://127.0.0.1:${origin.addr.port}`;
  await project.serve("app.wasm", "--watch", "--live-reload", "--proxy-to", backend);
  for (const path of ["/proxy/whole", "/proxy/streamed"]) {
    assertMatch(
      await project.ask(path),
      /^<p>page<\/p><script>.*\/\.fastlike\/reload.*<\/script>$/,
    );
  }
  assertEquals(await project.ask("/proxy/text"), "<p>page</p>");
  const events = await project.events();
  assertEquals(await events.next(), ": connected\n\n");
  await project.write("fastly.toml", "");
  assertEquals(await events.next(), "data: reload\n\n");
  project.cli.signal("SIGTERM");
  assertEquals(await events.next(), "");
  const { code } = await project.cli.end();
  assert(code === 0);
});

Deno.test("a source that changes during the first build is built again", async () => {
  await using project = new Project();
  await project.write("src/app.wat", guest("one"));
  await project.write("next.wat.txt", guest("two"));
  // The first build changes the source itself, once, after it has read it.
  const build = "mkdir -p bin && cp src/app.wat bin/main.wasm && " +
    "if [ ! -e done ]; then touch done && cp next.wat.txt src/app.wat; fi";
  await project.write("fastly.toml", `[scripts]\nbuild = "${build}"\n`);
  await project.serve("--watch", "--watch-dir", "src");
  await project.told(/^info: Reloaded in/);
  assertEquals(await project.ask(), "two");
});
