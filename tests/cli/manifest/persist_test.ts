import { assertEquals } from "../../assert.ts";
import { assertRefused, read } from "./_manifest.ts";

Deno.test("the folder to persist in starts at the manifest's", async () => {
  const text = '[local_server.persist]\npath = "data/a"';
  assertEquals((await read(text)).persist, "data/a");
  assertEquals((await read(text, { file: "/app/fastly.toml" })).persist, "/app/data/a");
  assertEquals((await read("[local_server]")).persist, undefined);
});

const REFUSED: [table: string, message: string][] = [
  ["", 'key "path" is missing in local_server.persist'],
  ['path = ""', 'key "path" in local_server.persist must not be empty'],
  ["path = 1", 'key "path" in local_server.persist must be a text in quotes'],
  ['path = "a"\nfile = "b"', 'key "file" in local_server.persist is not known: there is only path'],
];
for (const [table, message] of REFUSED) {
  Deno.test(`a table persist of ${JSON.stringify(table)} is refused`, () =>
    assertRefused(`[local_server.persist]\n${table}`, message));
}

Deno.test("a persist that is no table is refused", () =>
  assertRefused(
    '[local_server]\npersist = "a"',
    'key "persist" in local_server must be a table',
  ));
