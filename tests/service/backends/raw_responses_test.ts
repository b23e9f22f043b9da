import { assertEquals } from "../../assert.ts";
import { converse } from "./memory_origin.ts";
import { ACCEPTED, REFUSED } from "./raw_responses.ts";

for (const [section, what, raw, failure = "http_protocol_error"] of REFUSED) {
  Deno.test(`a response with ${what} fails (RFC ${named(section)})`, async () => {
    const outcome = await converse([raw]);
    assertEquals([outcome.failure, outcome.kept], [failure, false]);
  });
}

for (const [section, what, raw, seen, method] of ACCEPTED) {
  Deno.test(`a response with ${what} is read (RFC ${named(section)})`, async () => {
    const { failure, status, content, kept } = await converse([raw], method);
    const expected = { status: 200, content: "hello", kept: true, ...seen };
    assertEquals({ failure, status, content, kept }, { failure: undefined, ...expected });
  });
}

Deno.test("fields and trailers are the bytes that came, without blanks around them", async () => {
  const { headers, trailers } = await converse([
    "HTTP/1.1 200 OK\r\nx-A: \t\xe9\x80 b \r\nTransfer-Encoding: chunked\r\nX-a:\r\n\r\n" +
    "0\r\nt-1:  2\r\nTransfer-Encoding: x\r\n\r\n",
  ]);
  assertEquals(headers, ["x-A", "\xe9\x80 b", "Transfer-Encoding", "chunked", "X-a", ""]);
  assertEquals(trailers, ["t-1", "2"]); // RFC 9110, section 6.5.1: no framing in trailers
});

function named(section: string): string {
  return section.startsWith("9110") ? section : `9112 ${section}`;
}
