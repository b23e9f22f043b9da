import { Readable } from "node:stream";
import { checkNodeInternals } from "../../../service/util/node_internals.ts";
import { assertEquals, assertThrows } from "../../assert.ts";

const HTTP2 = "HTTP/2 to backends";

Deno.test("this version of Deno has the internals that the host relies on", () => {
  checkNodeInternals("engine");
  checkNodeInternals(HTTP2);
});

Deno.test("a platform without an internal is refused with the internal's name and purpose", () => {
  const platform = {
    Readable,
    streamStateIdle: 1,
    Worker,
  };
  checkNodeInternals("engine", platform);
  checkNodeInternals(HTTP2, platform);
  const lacking = [
    { part: HTTP2, parts: { streamStateIdle: undefined }, name: "the state IDLE of node:http2" },
    { part: "engine", parts: { Worker: class {} }, name: "unrefs a Worker" },
  ] as const;
  for (const { part, parts, name } of lacking) {
    const without = { ...platform, ...parts };
    assertThrows(() => checkNodeInternals(part, without), Error, name);
    assertThrows(() => checkNodeInternals(part, without), Error, "use 2.9.6: it lacks");
  }
  checkNodeInternals("engine", { ...platform, Worker: undefined });
});

Deno.test("a process ends while a thread runs that was let go of", async () => {
  const module = new URL("../../../service/util/node_internals.ts", import.meta.url);
  const source = "data:text/javascript,setInterval(() => {}, 1000)";
  const script = `import { unrefWorker } from "${module}";
unrefWorker(new Worker("${source}", { type: "module" }));`;
  const { code } = await new Deno.Command(Deno.execPath(), { args: ["eval", script] }).output();
  assertEquals(code, 0);
});
