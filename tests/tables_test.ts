import { pageWith, PARTS } from "./_tables.ts";
import { assertEquals } from "./assert.ts";

for (const part of PARTS) {
  Deno.test(`${part.page} has the ${part.name} of the code (deno task tables writes them)`, async () => {
    const page = await Deno.readTextFile(new URL(`../${part.page}`, import.meta.url));
    assertEquals(page, await pageWith(part));
  });
}
