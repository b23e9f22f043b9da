import { assertEquals, assertStringIncludes } from "../assert.ts";
import { command, ROOT } from "./commands.ts";
import { surviveFaults } from "../../cli/faults.ts";

Deno.test("serve reports an uncaught error once", async () => {
  const script = `
    import { main } from "${ROOT}/cli/main.ts";
    await main(["serve", "${ROOT}/testdata/built/hello.wasm", "--bind", "127.0.0.1:0"], async () => {
      Promise.reject(new Error("nobody's"));
      await new Promise((resolve) => setTimeout(resolve));
      throw new Error("enough");
    });`;
  const { stderr } = await command(Deno.execPath(), ["eval", "--no-check", script]);
  assertStringIncludes(stderr, "enough");
  assertEquals(stderr.split("Error: nobody's").length - 1, 1, stderr);
});

Deno.test("an uncaught error is reported, and does not end the process", async () => {
  const told: string[] = [];
  {
    using _ = surviveFaults((message) => told.push(message));
    reportError(new Error("thrown by nobody's fault"));
    Promise.reject(new Error("rejected by nobody's fault"));
    while (told.length < 2) await new Promise((resolve) => setTimeout(resolve));
  }
  assertEquals(told.length, 2);
  assertStringIncludes(told[0]!, "thrown by nobody's fault");
  assertStringIncludes(told[1]!, "rejected by nobody's fault");
});
