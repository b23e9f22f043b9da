import { collect } from "../../service/http/bytes.ts";
import { KvStore } from "../../service/stores/kv/store.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { kvContract } from "../service/stores/kv/contract.ts";
import { rateContract } from "../service/rate/contract.ts";
import { journalRates } from "./journal_rates.ts";
import { journalDriver } from "./journal_driver.ts";

kvContract("the journal of drivers.md", async () => {
  const path = await Deno.makeTempFile();
  const driver = journalDriver(path);
  return {
    driver,
    async [Symbol.asyncDispose]() {
      driver[Symbol.dispose]();
      await Deno.remove(path);
    },
  };
});

rateContract("the journal of rates in drivers.md", async () => {
  const path = await Deno.makeTempDir();
  const kinds = ["counters", "boxes"] as const;
  const open = () => {
    const [counters, boxes] = kinds.map((kind) => journalRates(`${path}/${kind}`));
    return { counters: counters!, boxes: boxes! };
  };
  let drivers = open();
  const close = () => kinds.forEach((kind) => drivers[kind][Symbol.dispose]());
  return {
    driverOf: (kind) => drivers[kind],
    reopen() {
      close();
      drivers = open();
      return Promise.resolve((kind) => drivers[kind]);
    },
    async [Symbol.asyncDispose]() {
      close();
      await Deno.remove(path, { recursive: true });
    },
  };
});

for (const name of ["journal_driver.ts", "journal_rates.ts"]) {
  Deno.test(`drivers.md shows ${name} as it is tested`, async () => {
    const page = await Deno.readTextFile(new URL("../../docs/drivers.md", import.meta.url));
    const code = await Deno.readTextFile(new URL(name, import.meta.url));
    const shown = code.replace("../../drivers/mod.ts", "./drivers/mod.ts");
    assert(shown !== code);
    assertStringIncludes(page, `\`\`\`ts\n${shown}\`\`\`\n`);
  });
}

Deno.test("the journal of drivers.md makes the store again, but for a line that is cut short", async () => {
  const path = await Deno.makeTempFile();
  const bytes = (text: string) => [new TextEncoder().encode(text)];
  {
    using driver = journalDriver(path);
    const store = new KvStore(driver, () => 0);
    await store.insert("a", bytes("1"), { metadata: "é", ttl: 60 });
    await store.insert("b", bytes("1"));
    await store.delete("b");
    await store.insert("a", bytes("2"), { mode: "append", metadata: "é" });
  }
  await Deno.writeTextFile(path, '{"key":"c"', { append: true });
  for (let i = 0; i < 2; i++) {
    using driver = journalDriver(path);
    const store = new KvStore(driver, () => 60_000);
    assertEquals((await store.list()).data, i ? ["a", "new"] : ["a"]);
    const { value, metadata } = await store.lookup("a");
    const text = new TextDecoder().decode(await collect(value));
    assertEquals([text, metadata], ["12", "é"]);
    await store.insert("new", bytes("1"));
  }
  await Deno.remove(path);
});
