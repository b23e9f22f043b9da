import { join } from "node:path";
import { ReadFiles } from "../../../cli/watch/changes.ts";
import { follow } from "../../../cli/watch/follow.ts";
import { fileSource } from "../../../cli/watch/program_source.ts";
import { Reloads } from "../../../cli/watch/reloads.ts";
import { assertEquals } from "../../assert.ts";

/** Notes of the terminal, without times. */
function terminal(): { lines: string[]; terminal: never } {
  const lines: string[] = [];
  const note = (level: string, line: string) =>
    void lines.push(`${level}: ${line.replace(/\d+ ms/, "N ms")}`);
  return { lines, terminal: { note } as never };
}

Deno.test("a file that changes between its reading and the watch is reloaded", async () => {
  const folder = await Deno.makeTempDir();
  const file = join(folder, "app.wasm");
  await Deno.writeTextFile(file, "one");
  const read = new ReadFiles();
  read.add(file);
  await Deno.writeTextFile(file, "later");
  const { promise: reloaded, resolve } = Promise.withResolvers<void>();
  const { terminal: output } = terminal();
  using _following = follow({
    reloads: new Reloads(() => Promise.resolve(resolve()), output),
    source: fileSource(file),
    files: () => read.state,
    before: undefined,
    poll: false,
    terminal: output,
  });
  await reloaded;
  await Deno.remove(folder, { recursive: true });
});

Deno.test("requests for a reload during a reload cause one more, whether or not the first fails", async () => {
  const begun: PromiseWithResolvers<void>[] = [];
  const { lines, terminal: output } = terminal();
  const reloads = new Reloads(() => {
    const one = Promise.withResolvers<void>();
    begun.push(one);
    return one.promise;
  }, output);
  const first = reloads.next();
  const [second, third] = [reloads.next(), reloads.next()];
  assertEquals(begun.length, 1);
  begun[0]!.reject(new Error("It is broken"));
  await first;
  assertEquals(begun.length, 2);
  const fourth = reloads.next();
  begun[1]!.resolve();
  await Promise.all([second, third]);
  assertEquals(begun.length, 3);
  begun[2]!.resolve();
  await fourth;
  assertEquals(lines, [
    "error: It is broken. The old program goes on",
    "info: Reloaded in N ms",
    "info: Reloaded in N ms",
  ]);
  const fifth = reloads.next();
  assertEquals(begun.length, 4);
  begun[3]!.resolve();
  await fifth;
});
