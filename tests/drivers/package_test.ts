import { ASSEMBLER } from "../../cli/wat.ts";
import { assertEquals } from "../assert.ts";
import { command, ROOT } from "../cli/commands.ts";

Deno.test("a package in the cache that takes long to load is not said to be downloaded", async () => {
  const script = `
    import { loadPackage } from "${ROOT}/drivers/package.ts";
    let over = false;
    const loading = loadPackage("${ASSEMBLER}", { use: "a test", tell: console.log })
      .finally(() => over = true);
    while (!over) {
      for (const end = performance.now() + 400; performance.now() < end;);
      await new Promise((resolve) => setTimeout(resolve));
    }
    console.log(typeof (await loading).default);`;
  await command(Deno.execPath(), ["cache", ASSEMBLER]);
  const args = ["eval", "--no-check", script];
  assertEquals((await command(Deno.execPath(), args)).stdout, "function\n");
});
