import { assert, assertEquals } from "../../assert.ts";
import { cut, editedMessages, places } from "../../edited_messages.ts";
import * as fc from "../../properties.ts";
import { converse } from "./memory_origin.ts";
import { parseNaively } from "./naive_responses.ts";
import { ACCEPTED, REFUSED } from "./raw_responses.ts";

const SIZED = "HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED = "HTTP/1.1 203 \r\nTransfer-Encoding: chunked\r\n\r\n" +
  '3;a="b"\r\nabc\r\n1\r\nd\r\n0\r\nX-Sum: 4\r\n\r\n';
const CLOSED = "HTTP/1.1 200\r\nX: y\r\n\r\nto the end";

const RESPONSES = {
  "content with a length": SIZED,
  "chunked content with trailers": CHUNKED,
  "content that ends with the connection": CLOSED,
  "hints, and a response": `HTTP/1.1 103 E\r\nLink: </a>\r\n\r\n${SIZED}`,
  "empty lines, and a response": `\r\n\r\n${SIZED}`,
  "a 204": "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
  "HTTP/1.0 kept open": SIZED.replace("1.1", "1.0").replace("X: y", "Connection: keep-alive"),
  "more than its content": `${SIZED}${SIZED}`,
  "chunked content that turns bad": CHUNKED.replace("1\r\nd", "x\r\nd"),
  "content that is cut": CHUNKED.slice(0, -9),
};

for (const [what, response] of Object.entries(RESPONSES)) {
  Deno.test(`${what}: the same in every two pieces, and byte by byte`, async () => {
    const whole = await converse([response]);
    for (let at = 1; at < response.length; at++) {
      const pieces = [response.slice(0, at), response.slice(at)];
      assertEquals([at, await converse(pieces)], [at, whole]);
    }
    assertEquals(await converse([...response]), whole);
  });
}

Deno.test("every raw response has the same outcome byte by byte as whole", async () => {
  for (const [, what, raw] of [...REFUSED, ...ACCEPTED]) {
    if (raw.length > 10_000) continue;
    assertEquals([what, await converse([...raw])], [what, await converse([raw])]);
  }
});

const bytes = editedMessages(Object.values(RESPONSES), [
  ...["0", "1", "a", "f", "HTTP/1.0", "HTTP/2.0", "204", "304", "100", "X: 1\r\n"],
  ...["Content-Length: 3\r\n", "Connection: close\r\n", "3\r\nxyz\r\n"],
  ...["Transfer-Encoding: chunked\r\n", "Transfer-Encoding: x\r\n"],
]);

Deno.test("any bytes have the same outcome whole, in any pieces, and byte by byte", async () => {
  await fc.assert(
    fc.asyncProperty(bytes, places, async (text, places) => {
      const whole = await converse([text]);
      assertEquals(await converse(cut(text, places)), whole);
      assertEquals(await converse([...text]), whole);
    }),
    { numRuns: 300 },
  );
});

Deno.test("a second parser reads the same of any bytes", async () => {
  let read = 0;
  await fc.assert(
    fc.asyncProperty(bytes, fc.constantFrom("GET", "HEAD"), async (text, method) => {
      const outcome = await converse([text], method);
      const expected = parseNaively(text, method);
      if (expected) read++;
      assertEquals(outcome.failure ? undefined : outcome, expected);
      if (!expected) assertEquals(outcome.kept, false);
    }),
    { numRuns: 2000 },
  );
  assert(read > 200, `only ${read} responses were read`);
});
