import { assert, assertEquals } from "../assert.ts";
import { cut, editedMessages, places } from "../edited_messages.ts";
import * as fc from "../properties.ts";
import { converse, type Outcome } from "./memory.ts";
import { parseNaively } from "./naive_parser.ts";
import { ACCEPTED, REFUSED } from "./raw_requests.ts";

const GET = "GET /a?b HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
const POST = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED = "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
  '3;a="b"\r\nabc\r\n1\r\nd\r\n0\r\nX-Sum: 4\r\n\r\n';

const SEQUENCES = {
  "a request without content": GET,
  "empty lines and a request": `\r\n\r\n${GET}`,
  "content with a length, and a request": POST + GET,
  "chunked content with trailers, and a request": CHUNKED + GET,
  "three requests": GET + POST + CHUNKED,
  "a close, and what is dropped": GET.replace("X: y", "Connection: close") + POST,
  "HTTP/1.0 kept open": GET.replace("1.1", "1.0").replace("X: y", "Connection: keep-alive") + GET,
  "an upgrade that is not taken": GET.replace("X: y", "Connection: upgrade\r\nUpgrade: x") + POST,
  "a request, and a bad one": `${POST}GET / HTTP/1.1\r\nHost : a\r\n\r\n`,
  "chunked content that turns bad": `${GET}${CHUNKED.replace("1\r\nd", "x\r\nd")}`,
};

/** Parts of a result that must not depend on how the bytes are cut: all but the progress of a refused request's guest. */
function essence({ taken, statuses, closed }: Outcome) {
  return { taken, statuses, closed };
}

for (const [what, sequence] of Object.entries(SEQUENCES)) {
  Deno.test(`${what}: the same in every two pieces, and byte by byte`, async () => {
    const whole = essence(await converse([sequence]));
    assert(whole.statuses.length > 0);
    for (let at = 1; at < sequence.length; at++) {
      const pieces = [sequence.slice(0, at), sequence.slice(at)];
      assertEquals([at, essence(await converse(pieces))], [at, whole]);
    }
    assertEquals(essence(await converse([...sequence])), whole);
  });
}

Deno.test("every raw request has the same outcome byte by byte as whole", async () => {
  for (const [, what, raw] of [...REFUSED, ...ACCEPTED]) {
    if (raw.length > 10_000) continue;
    const whole = essence(await converse([raw]));
    assertEquals([what, essence(await converse([...raw]))], [what, whole]);
  }
});

const bytes = editedMessages(Object.values(SEQUENCES), [
  ...["0", "1", "a", "f", "/", "*", "#", "[", "%", "HTTP/1.0", "HTTP/2.0", "http://b"],
  ...["Host: b\r\n", "X: 1\r\n", "Content-Length: 3\r\n", "Connection: close\r\n"],
  ...["Transfer-Encoding: chunked\r\n", "Expect: 100-continue\r\n", "3\r\nxyz\r\n"],
]);

Deno.test("any bytes have the same outcome whole, in any pieces, and byte by byte", async () => {
  await fc.assert(
    fc.asyncProperty(bytes, places, async (text, places) => {
      const whole = essence(await converse([text]));
      assertEquals(essence(await converse(cut(text, places))), whole);
      assertEquals(essence(await converse([...text])), whole);
    }),
    { numRuns: 500, examples: [["\r ", []], ["GET / HT\r TP", []]] },
  );
});

Deno.test("a second parser accepts the same requests in any bytes", async () => {
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(bytes, async (text) => {
      const outcome = await converse([text]);
      assertEquals(outcome.taken, parseNaively(text));
      taken += outcome.taken.length;
    }),
    { numRuns: 3000 },
  );
  assert(taken > 1000, `only ${taken} requests were taken`);
});
