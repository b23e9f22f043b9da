import { assertEquals } from "../assert.ts";
import { command } from "../cli/commands.ts";

Deno.test("a process that has served and closed everything ends by itself", async () => {
  const program = new URL("leftover.ts", import.meta.url).pathname;
  const { code, stdout, stderr } = await command(Deno.execPath(), [
    "run",
    "-A",
    "--no-check",
    program,
  ]);
  assertEquals({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" });
});
