import { assemble } from "../../cli/wat.ts";
import { assertEquals } from "../assert.ts";
import { rawOrigin } from "../service/backends/origins.ts";
import { exchange, type RawResponse, valuesOf } from "./http.ts";
import { serveProgram } from "./serving.ts";

/** Message of a guest with manual framing: five bytes, to the client or to the backend `origin`. */
interface Sent {
  readonly to: "client" | "origin";
  readonly streamed: boolean;
  readonly length: string;
  /** Whether the guest sets Transfer-Encoding too. */
  readonly chunked?: boolean;
  /** Call that sends to the backend. */
  readonly call?: Call;
}

/** Calls that send a request, by the types and the values of their inputs behind the backend's name. */
const CALLS = {
  send: ["i32 i32", "(i32.const 8) (i32.const 12)"],
  send_v2: ["i32 i32 i32", "(i32.const 300) (i32.const 8) (i32.const 12)"],
  send_v3: ["i32 i32 i32", "(i32.const 300) (i32.const 8) (i32.const 12)"],
  send_async: ["i32", "(i32.const 8)"],
  send_async_streaming: ["i32", "(i32.const 8)"],
  send_async_v2: ["i32 i32", "(i32.const STREAMED) (i32.const 8)"],
} as const;
type Call = keyof typeof CALLS;
const STREAMING: readonly Call[] = ["send_async_streaming", "send_async_v2"];

function guestOf(
  { to, streamed, length, chunked, call = streamed ? "send_async_streaming" : "send" }: Sent,
): Promise<Uint8Array> {
  const module = to === "client" ? "fastly_http_resp" : "fastly_http_req";
  const [types, values] = CALLS[call];
  const send = to === "client"
    ? `(call $respond (local.get $message) (local.get $body) (i32.const ${Number(streamed)}))`
    : `(call $send (local.get $message) (local.get $body) (i32.const 220) (i32.const 6)
        ${values.replace("STREAMED", `${Number(streamed)}`)})`;
  const pending = `(drop (call $wait (i32.load (i32.const 8)) (i32.const 12) (i32.const 20)))`;
  const write = (at: number, bytes: number) =>
    `(drop (call $write (local.get $body) (i32.const ${at}) (i32.const ${bytes}) (i32.const 0)
      (i32.const 16)))`;
  return assemble(
    "guest.wat",
    `(module
      (import "${module}" "new" (func $new (param i32) (result i32)))
      (import "${module}" "header_insert" (func $set (param i32 i32 i32 i32 i32) (result i32)))
      (import "${module}" "framing_headers_mode_set" (func $mode (param i32 i32) (result i32)))
      (import "fastly_http_resp" "send_downstream" (func $respond (param i32 i32 i32) (result i32)))
      (import "fastly_http_req" "method_set" (func $method (param i32 i32 i32) (result i32)))
      (import "fastly_http_req" "uri_set" (func $uri (param i32 i32 i32) (result i32)))
      (import "fastly_http_req" "${call}"
        (func $send (param i32 i32 i32 i32 ${types}) (result i32)))
      (import "fastly_http_req" "pending_req_wait" (func $wait (param i32 i32 i32) (result i32)))
      (import "fastly_http_body" "new" (func $body (param i32) (result i32)))
      (import "fastly_http_body" "write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
      (import "fastly_http_body" "close" (func $close (param i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 100) "content-length${length}transfer-encoding")
      (data (i32.const 200) "hello") (data (i32.const 220) "origin") (data (i32.const 240) "chunked")
      (data (i32.const 260) "POST") (data (i32.const 280) "http://a/")
      (func (export "_start") (local $message i32) (local $body i32)
        (drop (call $new (i32.const 0)))
        (drop (call $body (i32.const 4)))
        (local.set $message (i32.load (i32.const 0)))
        (local.set $body (i32.load (i32.const 4)))
        ${
      to === "client"
        ? ""
        : `(drop (call $method (local.get $message) (i32.const 260) (i32.const 4)))
           (drop (call $uri (local.get $message) (i32.const 280) (i32.const 9)))`
    }
        (drop (call $mode (local.get $message) (i32.const 1)))
        (drop (call $set (local.get $message) (i32.const 100) (i32.const 14)
          (i32.const 114) (i32.const ${length.length})))
        ${
      chunked
        ? `(drop (call $set (local.get $message) (i32.const ${114 + length.length}) (i32.const 17)
            (i32.const 240) (i32.const 7)))`
        : ""
    }
        ${
      streamed
        ? `(drop ${send}) ${write(200, 2)} ${write(202, 3)} (drop (call $close (local.get $body)))
           ${to === "client" ? "" : pending}`
        : `${write(200, 5)} (drop ${send})
           ${to === "origin" && call.startsWith("send_async") ? pending : ""}`
    }))`,
  );
}

/** Returns the bytes that the client receives. */
async function received(sent: Omit<Sent, "to">): Promise<RawResponse> {
  await using guest = await serveProgram(await guestOf({ ...sent, to: "client" }), {});
  return await exchange(guest.port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
}

/** Returns the bytes that the origin receives, up to the end of its content or of the connection. */
async function receivedUpstream(sent: Omit<Sent, "to">, end: string): Promise<string> {
  const message = Promise.withResolvers<string>();
  const origin = rawOrigin(async (wire) => {
    message.resolve(await wire.head() + await (end ? wire.until(end) : wire.rest()));
    await wire.write("HTTP/1.1 204 No Content\r\n\r\n").catch(() => {});
  });
  {
    const backends = { origin: origin.url };
    await using guest = await serveProgram(await guestOf({ ...sent, to: "origin" }), { backends });
    await exchange(guest.port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  await origin.close();
  return await message.promise;
}

for (const streamed of [false, true]) {
  const what = streamed ? "a streamed" : "a whole";
  Deno.test(`with manual framing ${what} response is cut at its Content-Length`, async () => {
    const response = await received({ streamed, length: "3" });
    assertEquals(valuesOf(response, "content-length"), ["3"]);
    assertEquals([response.body, response.whole], ["hel", true]);
  });

  Deno.test(`with manual framing ${what} response that is too short ends with its connection`, async () => {
    const response = await received({ streamed, length: "9" });
    assertEquals(valuesOf(response, "content-length"), ["9"]);
    assertEquals([response.body, response.whole], ["hello", false]);
  });

  Deno.test(`with manual framing ${what} response never has both a length and a coding`, async () => {
    const response = await received({ streamed, length: "5", chunked: true });
    assertEquals(valuesOf(response, "content-length"), []);
    assertEquals(valuesOf(response, "transfer-encoding"), ["chunked"]);
    assertEquals([response.body, response.whole], ["hello", true]);
  });
}

for (const call of Object.keys(CALLS) as Call[]) {
  for (const streamed of [false, true]) {
    if (streamed ? !STREAMING.includes(call) : call === "send_async_streaming") continue;
    const what = streamed ? "a streamed" : "a whole";
    Deno.test(`with manual framing ${what} request by ${call} is cut at its Content-Length`, async () => {
      const message = await receivedUpstream({ call, streamed, length: "3" }, "hel");
      assertEquals(/content-length: (.*)\r\n/.exec(message)?.[1], "3");
      assertEquals(message.endsWith("\r\n\r\nhel"), true);
    });

    Deno.test(`with manual framing ${what} request by ${call} that is too short ends with its connection`, async () => {
      const message = await receivedUpstream({ call, streamed, length: "9" }, "");
      assertEquals(/content-length: (.*)\r\n/.exec(message)?.[1], "9");
      assertEquals(message.endsWith("\r\n\r\nhello"), true);
    });

    Deno.test(`with manual framing ${what} request by ${call} never has both a length and a coding`, async () => {
      const message = await receivedUpstream(
        { call, streamed, length: "5", chunked: true },
        "0\r\n\r\n",
      );
      assertEquals(/content-length/i.test(message), false);
      assertEquals(/transfer-encoding: chunked\r\n/.test(message), true);
      const chunks = streamed ? "2\r\nhe\r\n3\r\nllo\r\n" : "5\r\nhello\r\n";
      assertEquals(message.slice(message.indexOf("\r\n\r\n") + 4), `${chunks}0\r\n\r\n`);
    });
  }
}
