import { Readable } from "node:stream";
import { checkNodeInternals } from "../../../service/util/node_internals.ts";
import { assertEquals, assertThrows } from "../../assert.ts";

Deno.test("this version of Deno has the internals that the host relies on", () => {
  checkNodeInternals();
});

Deno.test("a platform that lacks an internal is refused with its name, and what it is for", () => {
  const platform = {
    Readable,
    streamStateIdle: 1,
    Worker,
  };
  checkNodeInternals(platform);
  const lacking = [
    { parts: { streamStateIdle: undefined }, name: "the state IDLE of node:http2" },
    { parts: { Worker: class {} }, name: "unrefs a Worker" },
  ];
  for (const { parts, name } of lacking) {
    assertThrows(() => checkNodeInternals({ ...platform, ...parts }), Error, name);
  }
  const all = Object.assign({}, platform, ...lacking.map(({ parts }) => parts));
  assertThrows(() => checkNodeInternals(all), Error, "use 2.9.6: it lacks");
  checkNodeInternals({ ...platform, Worker: undefined });
});

Deno.test("a process ends while a thread runs that was let go of", async () => {
  const module = new URL("../../../service/util/node_internals.ts", import.meta.url);
  const source = "data:text/javascript,setInterval(() => {}, 1000)";
  const script = `import { unrefWorker } from "${module}";
unrefWorker(new Worker("${source}", { type: "module" }));`;
  const { code } = await new Deno.Command(Deno.execPath(), { args: ["eval", script] }).output();
  assertEquals(code, 0);
});
