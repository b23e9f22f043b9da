import { collect, type Payload } from "../../../service/http/bytes.ts";
import { frameRequest, frameResponse, type Framing } from "../../../service/http/framing.ts";
import { HeaderList } from "../../../service/http/headers.ts";
import { Pipe } from "../../../service/http/pipe.ts";
import { assertEquals, assertRejects } from "../../assert.ts";

type Fields = string[];

/** A body of x; without a length, one that arrives. */
function bodyOf(length: number | undefined): Payload {
  return length === undefined ? new Pipe() : new TextEncoder().encode("x".repeat(length));
}

const [LENGTH, CODING] = ["content-length", "transfer-encoding"];

const requests: [
  what: string,
  method: string,
  length: number | undefined,
  framing: Framing,
  given: Fields,
  framed: Fields,
][] = [
  ["a known length is told", "POST", 3, "automatic", [], [LENGTH, "3"]],
  ["a wrong length is replaced", "POST", 3, "automatic", ["Content-Length", "9"], [LENGTH, "3"]],
  ["a coding is removed", "POST", 3, "automatic", [CODING, "chunked"], [LENGTH, "3"]],
  ["an unknown length is chunked", "POST", undefined, "automatic", [LENGTH, "9"], [
    CODING,
    "chunked",
  ]],
  ["an unknown length is chunked for GET too", "GET", undefined, "automatic", [], [
    CODING,
    "chunked",
  ]],
  ["a POST without a body has length 0", "POST", 0, "automatic", [], [LENGTH, "0"]],
  ["a PUT without a body has length 0", "PUT", 0, "automatic", [], [LENGTH, "0"]],
  ["a GET without a body has none", "GET", 0, "automatic", [LENGTH, "1"], []],
  ["a HEAD without a body has none", "HEAD", 0, "automatic", [], []],
  ["a GET with a body tells its length", "GET", 2, "automatic", [], [LENGTH, "2"]],
  ["manual fields that can stand stay", "POST", 3, "manual", ["Content-Length", "9"], [
    "Content-Length",
    "9",
  ]],
  ["manual chunked stays", "POST", 3, "manual", [CODING, "CHUNKED"], [CODING, "CHUNKED"]],
  [
    "of both manual fields the coding stays",
    "POST",
    3,
    "manual",
    [LENGTH, "3", CODING, "chunked"],
    [
      CODING,
      "chunked",
    ],
  ],
  ["a manual length that no number holds is automatic", "POST", 3, "manual", [
    LENGTH,
    "9007199254740993",
  ], [LENGTH, "3"]],
  ["manual without fields is automatic", "POST", 3, "manual", [], [LENGTH, "3"]],
  ["manual with a signed length is automatic", "POST", 3, "manual", [LENGTH, "+3"], [LENGTH, "3"]],
  ["manual with an empty length is automatic", "POST", 3, "manual", [LENGTH, ""], [LENGTH, "3"]],
  ["manual with two lengths is automatic", "POST", 3, "manual", [LENGTH, "3", LENGTH, "3"], [
    LENGTH,
    "3",
  ]],
  ["manual with a list of lengths is automatic", "POST", 3, "manual", [LENGTH, "3, 3"], [
    LENGTH,
    "3",
  ]],
  ["manual with gzip is automatic", "POST", 3, "manual", [CODING, "gzip"], [LENGTH, "3"]],
  ["manual with two codings is automatic", "POST", 3, "manual", [
    CODING,
    "chunked",
    CODING,
    "chunked",
  ], [LENGTH, "3"]],
];
for (const [what, method, length, framing, given, framed] of requests) {
  Deno.test(`in a request ${what}`, () => {
    const headers = new HeaderList(["x", "1", ...given]);
    assertEquals(frameRequest(headers, method, bodyOf(length), framing).headers.raw, [
      "x",
      "1",
      ...framed,
    ]);
    assertEquals(headers.raw, ["x", "1", ...given], "the given fields stay as they are");
  });
}

const responses: [
  what: string,
  status: number,
  toHead: boolean,
  length: number | undefined,
  framing: Framing,
  given: Fields,
  framed: Fields,
][] = [
  ["a known length is told", 200, false, 3, "automatic", [LENGTH, "9"], [LENGTH, "3"]],
  ["an empty body has length 0", 200, false, 0, "automatic", [], [LENGTH, "0"]],
  [
    "an unknown length is left to the front",
    200,
    false,
    undefined,
    "automatic",
    [CODING, "gzip"],
    [],
  ],
  ["204 has no length", 204, false, 0, "automatic", [LENGTH, "0"], []],
  ["1xx has no framing", 103, false, 0, "automatic", [LENGTH, "0", CODING, "chunked"], []],
  ["304 keeps what it declares", 304, false, 0, "automatic", [LENGTH, "77"], [LENGTH, "77"]],
  ["304 invents nothing", 304, false, 0, "automatic", [], []],
  ["to HEAD what it declares stays", 200, true, 0, "automatic", [LENGTH, "77"], [LENGTH, "77"]],
  ["to HEAD the body's length is told", 200, true, 5, "automatic", [CODING, "chunked"], [
    LENGTH,
    "5",
  ]],
  ["manual fields that can stand stay", 200, false, 3, "manual", [LENGTH, "77"], [LENGTH, "77"]],
  ["204 has no manual length either", 204, false, 0, "manual", [LENGTH, "0"], []],
  ["of both manual fields the coding stays", 200, false, 3, "manual", [
    LENGTH,
    "3",
    CODING,
    "chunked",
  ], [CODING, "chunked"]],
  ["to HEAD no coding is told", 200, true, 0, "manual", [LENGTH, "77", CODING, "chunked"], [
    LENGTH,
    "77",
  ]],
  ["manual with nonsense is automatic", 200, false, 3, "manual", [LENGTH, "x"], [LENGTH, "3"]],
];
for (const [what, status, toHead, length, framing, given, framed] of responses) {
  Deno.test(`in a response ${what}`, () => {
    const headers = new HeaderList(["x", "1", ...given]);
    assertEquals(frameResponse(headers, status, toHead, bodyOf(length), framing).headers.raw, [
      "x",
      "1",
      ...framed,
    ]);
  });
}

/** A body of five bytes, whole or in pieces that have all been written. */
const BODIES: Record<string, () => Payload> = {
  "a whole body": () => new TextEncoder().encode("hello"),
  "a streamed body": () => {
    const pipe = new Pipe();
    for (const text of ["he", "llo"]) pipe.write(new TextEncoder().encode(text));
    pipe.finish();
    return pipe;
  },
};

/** The body's text under the guest's own Content-Length, in either direction. */
async function textsUnder(length: string, body: () => Payload): Promise<string[]> {
  const headers = new HeaderList(["Content-Length", length]);
  const framed = [
    frameRequest(headers, "POST", body(), "manual"),
    frameResponse(headers, 200, false, body(), "manual"),
  ];
  assertEquals(framed.map(({ headers }) => headers.raw), [headers.raw, headers.raw]);
  return await Promise.all(
    framed.map(async ({ body }) => new TextDecoder().decode(await collect(body))),
  );
}

for (const [what, body] of Object.entries(BODIES)) {
  Deno.test(`${what} is cut at its manual Content-Length`, async () => {
    assertEquals(await textsUnder("3", body), ["hel", "hel"]);
    assertEquals(await textsUnder("0", body), ["", ""]);
    assertEquals(await textsUnder("5", body), ["hello", "hello"]);
  });

  Deno.test(`${what} that is shorter than its manual Content-Length fails after its last byte`, async () => {
    await assertRejects(
      () => textsUnder("9", body),
      Error,
      "the body is 4 bytes shorter than its Content-Length of 9",
    );
  });

  Deno.test(`${what} to HEAD is no matter of its Content-Length`, () => {
    const headers = new HeaderList(["Content-Length", "9"]);
    const content = body();
    assertEquals(frameResponse(headers, 200, true, content, "manual").body === content, true);
  });
}

Deno.test("bytes that a guest writes beyond its Content-Length are read and discarded", async () => {
  const pipe = new Pipe();
  const headers = new HeaderList(["Content-Length", "3"]);
  const { body } = frameResponse(headers, 200, false, pipe, "manual");
  pipe.write(new TextEncoder().encode("hello"));
  assertEquals(new TextDecoder().decode(await collect(body)), "hel");
  for (let i = 0; i < 8; i++) await pipe.write(new Uint8Array(32 * 1024));
  pipe.finish();
});
