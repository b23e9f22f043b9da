import { STATUS_CODES } from "node:http";
import { REASON_PHRASES } from "../../server/reason_phrases.ts";
import { assertEquals } from "../assert.ts";

Deno.test("statuses have the reason phrases of node:http", () => {
  assertEquals(REASON_PHRASES as unknown, { ...STATUS_CODES });
});
