import { assertEquals, assertMatch } from "../assert.ts";

Deno.test("the bytes of a program are freed once it is compiled and its reset is chosen", async () => {
  const program = new URL("bytes_kept.ts", import.meta.url).pathname;
  const flags = ["run", "-A", "--no-check", "--v8-flags=--expose-gc"];
  const command = new Deno.Command(Deno.execPath(), { args: [...flags, program] });
  const { code, stdout, stderr } = await command.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals([code, text(stderr)], [0, ""]);
  assertMatch(text(stdout), /^[23] arrays, 0 left\n$/); // a third one if snapshots were tried
});
