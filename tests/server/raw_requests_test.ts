import { assert, assertEquals, assertMatch } from "../assert.ts";
import { converse } from "./memory.ts";
import { ACCEPTED, REFUSED } from "./raw_requests.ts";

const GET = "GET /before HTTP/1.1\r\nHost: a\r\n\r\n";

for (const [section, what, raw, status] of REFUSED) {
  Deno.test(`${what} gets a ${status} and a close, and no guest (${section})`, async () => {
    const { taken, statuses, closed, output } = await converse([raw]);
    assertEquals([statuses, taken, closed], [[status], [], true]);
    assertMatch(output, /\r\nConnection: close\r\n/);
    assert(output.split("\r\n\r\n")[1]!.length > 1, "it says why");
  });
}

for (const [section, what, raw, requests] of ACCEPTED) {
  Deno.test(`${what}: taken (${section})`, async () => {
    const { taken, statuses, output } = await converse([raw]);
    assertEquals(statuses, Array(requests).fill(200), output);
    assertEquals(taken.length, requests);
  });
}

Deno.test("a request ahead of a bad one gets its response, whatever the bad one is", async () => {
  for (const [, what, raw, status] of REFUSED) {
    const { taken, statuses, closed } = await converse([GET + raw]);
    assertEquals([what, statuses, closed], [what, [200, status], true]);
    assertEquals(taken.map(({ url }) => url), ["http://a/before"]);
  }
});
