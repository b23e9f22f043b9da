import { assertEquals, assertMatch } from "../assert.ts";

/** Runs a file that collects garbage, and returns its output. */
async function printed(file: string): Promise<string> {
  const program = new URL(file, import.meta.url).pathname;
  const flags = ["run", "-A", "--no-check", "--v8-flags=--expose-gc"];
  const command = new Deno.Command(Deno.execPath(), { args: [...flags, program] });
  const { code, stdout, stderr } = await command.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals([code, text(stderr)], [0, ""]);
  return text(stdout);
}

Deno.test("the bytes of a program are freed once it is compiled and its reset is chosen", async () => {
  assertMatch(await printed("bytes_kept.ts"), /^[23] arrays, 0 left\n$/); // a third one if snapshots were tried
});

Deno.test("reloads by builds that differ in their data alone hold no memory of earlier ones", async () => {
  assertEquals(await printed("images_kept.ts"), "0 left\n");
});
