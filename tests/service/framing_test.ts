import { frameRequest, frameResponse, type Framing } from "../../service/framing.ts";
import { HeaderList } from "../../service/headers.ts";
import { assertEquals } from "../assert.ts";

type Fields = string[];
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
  ["manual both stay", "POST", 3, "manual", [LENGTH, "3", CODING, "chunked"], [
    LENGTH,
    "3",
    CODING,
    "chunked",
  ]],
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
    assertEquals(frameRequest(headers, method, length, framing).raw, ["x", "1", ...framed]);
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
  ["manual with nonsense is automatic", 200, false, 3, "manual", [LENGTH, "x"], [LENGTH, "3"]],
];
for (const [what, status, toHead, length, framing, given, framed] of responses) {
  Deno.test(`in a response ${what}`, () => {
    const headers = new HeaderList(["x", "1", ...given]);
    assertEquals(frameResponse(headers, status, toHead, length, framing).raw, [
      "x",
      "1",
      ...framed,
    ]);
  });
}
