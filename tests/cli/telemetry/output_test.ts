import { assertEquals } from "../../assert.ts";
import { Output } from "../../../cli/telemetry/output.ts";

/** A stream that takes three bytes at a time, and each time refuses once before. */
class SlowSink {
  text = "";
  #full = false;

  writeSync(bytes: Uint8Array): number {
    this.#full = !this.#full;
    if (this.#full) throw new Deno.errors.WouldBlock("Resource temporarily unavailable");
    const taken = bytes.subarray(0, 3);
    this.text += new TextDecoder().decode(taken);
    return taken.length;
  }

  isTerminal(): boolean {
    return false;
  }
}

Deno.test("a stream that is full for now gets everything", () => {
  const sink = new SlowSink();
  const output = new Output(sink, false);
  output.line("a line of text");
  output.raw(new TextEncoder().encode("and bytes"));
  assertEquals(sink.text, "a line of text\nand bytes");
});

Deno.test("a stream without a reader gets no more output, without an error", () => {
  let writes = 0;
  const broken = {
    writeSync(): number {
      writes++;
      throw new Deno.errors.BrokenPipe("Broken pipe");
    },
    isTerminal: () => false,
  };
  new Output(broken, false).raw(new Uint8Array(10));
  assertEquals(writes, 1);
});
