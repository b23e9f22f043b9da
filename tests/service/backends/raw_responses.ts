import type { SendFailure } from "../../../service/errors.ts";

function ok(fields: string, content = ""): string {
  return `HTTP/1.1 200 OK\r\n${fields}\r\n${content}`;
}

function sized(length: string): string {
  return ok(`Content-Length: ${length}\r\n`, "hello");
}

function coded(coding: string, content = "5\r\nhello\r\n0\r\n\r\n"): string {
  return ok(`Transfer-Encoding: ${coding}\r\n`, content);
}

function chunks(content: string): string {
  return coded("chunked", content);
}

function line(text: string): string {
  return `${text}\r\nContent-Length: 5\r\n\r\nhello`;
}

function field(text: string): string {
  return ok(`${text}\r\nContent-Length: 5\r\n`, "hello");
}

/** Responses of which nothing reaches the guest, or content that fails, by the section of RFC 9112 (or 9110). */
export const REFUSED: readonly [
  section: string,
  what: string,
  raw: string,
  failure?: SendFailure,
][] = [
  ["2.2", "a bare LF behind the status line", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"],
  ["2.2", "a bare LF behind a field", "HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n"],
  ["2.2", "a head that ends with bare LFs", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n"],
  ["2.2", "a bare CR in the status line", line("HTTP/1.1 200 O\rK")],
  ["2.2", "a bare CR in a field", field("X: a\rb")],
  ["2.2", "a bare CR ahead of a CRLF", field("X: a\r")],
  ["2.2", "a blank ahead of the first field", ok(" X: y\r\nContent-Length: 5\r\n", "hello")],
  ["2.2", "a bare LF ahead of the response", `\n${sized("5")}`],
  ["2.2", "a TLS alert", "\x15\x03\x03\x00\x02\x02\x28"],
  ["2.3", "HTTP/2's SETTINGS", "\x00\x00\x00\x04\x00\x00\x00\x00\x00"],
  ["2.3", "HTTP/0.9", "hello"],
  ["2.3", "HTTP/0.9 by name", line("HTTP/0.9 200 OK")],
  ["2.3", "HTTP/2.0", line("HTTP/2.0 200 OK")],
  ["2.3", "HTTP/2 by name", line("HTTP/2 200")],
  ["2.3", "ICY", line("ICY 200 OK")],
  ["2.3", "a version in small letters", line("http/1.1 200 OK")],
  ["2.3", "a version of two digits", line("HTTP/1.10 200 OK")],
  ["2.3", "a version with a sign", line("HTTP/+1.1 200 OK")],
  ["2.3", "SSH", "SSH-2.0-OpenSSH_9.2\r\n"],
  ["4", "two blanks behind the version", line("HTTP/1.1  200 OK")],
  ["4", "a tab for a blank", line("HTTP/1.1\t200 OK")],
  ["4", "a blank at the beginning of the line", line(" HTTP/1.1 200 OK")],
  ["4", "no status", line("HTTP/1.1")],
  ["4", "a blank and no status", line("HTTP/1.1 ")],
  ["4", "a status of two digits", line("HTTP/1.1 20 OK")],
  ["4", "a status of four digits", line("HTTP/1.1 2000 OK")],
  ["4", "a status with a sign", line("HTTP/1.1 +20 OK")],
  ["4", "a status in letters", line("HTTP/1.1 abc OK")],
  ["4", "a status with letters behind it", line("HTTP/1.1 200OK")],
  ["4", "a reason with a control character", line("HTTP/1.1 200 O\x01K")],
  ["4", "a reason with DEL", line("HTTP/1.1 200 O\x7fK")],
  ["5", "a field without a colon", field("X")],
  ["5", "a field without a name", field(": y")],
  ["5", "a name with a blank", field("X Y: z")],
  ["5", "a name beyond ASCII", field("X\xe9: y")],
  ["5", "a name with a bracket", field("X(: y")],
  ["5.1", "a blank ahead of the colon", field("X : y")],
  ["5.1", "a tab ahead of the colon", field("X\t: y")],
  ["5.1", "a blank ahead of the colon of Content-Length", ok("Content-Length : 5\r\n", "hello")],
  ["5.2", "a folded field", field("X: a\r\n b")],
  ["5.2", "a field folded with a tab", field("X: a\r\n\tb")],
  ["5.2", "a folded Content-Length", ok("Content-Length:\r\n 5\r\n", "hello")],
  ["9110 5.5", "a value with NUL", field("X: a\0b")],
  ["9110 5.5", "a value with DEL", field("X: a\x7f")],
  ["9110 5.5", "a value with an escape", field("X: \x1b[2J")],
  ["6.1", "a coding in HTTP/1.0", coded("chunked").replace("1.1", "1.0")],
  ["6.1", "chunked twice", coded("chunked, chunked")],
  ["6.1", "chunked twice in two fields", coded("chunked\r\nTransfer-Encoding: chunked")],
  ["6.1", "a coding behind chunked", coded("chunked, gzip")],
  ["6.1", "identity behind chunked", coded("chunked\r\nTransfer-Encoding: identity")],
  ["6.1", "chunked with a parameter", coded("chunked, chunked;a=b")],
  ["6.3", "a length and a coding", ok("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")],
  ["6.3", "a coding and a length", ok("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")],
  [
    "6.3",
    "a length and a coding that is not chunked",
    ok("Content-Length: 5\r\nTransfer-Encoding: x\r\n"),
  ],
  ["6.3", "two lengths", sized("5\r\nContent-Length: 6")],
  ["6.3", "two equal lengths", sized("5\r\nContent-Length: 5")],
  ["6.3", "a list of lengths", sized("5, 5")],
  ["6.3", "a negative length", sized("-5")],
  ["6.3", "a length with a sign", sized("+5")],
  ["6.3", "a length with a point", sized("5.0")],
  ["6.3", "a hexadecimal length", sized("0x5")],
  ["6.3", "an empty length", sized("")],
  ["6.3", "a length in words", sized("five")],
  ["6.3", "a length with a blank inside", sized("5 5")],
  ["6.3", "a length beyond 2^53", sized("9007199254740993")],
  ["6.3", "a length beyond all numbers", sized("9".repeat(400))],
  ["7.1", "a chunk size that is none", chunks("zz\r\nhello\r\n0\r\n\r\n")],
  ["7.1", "a chunk size with 0x", chunks("0x5\r\nhello\r\n0\r\n\r\n")],
  ["7.1", "a chunk size with a sign", chunks("+5\r\nhello\r\n0\r\n\r\n")],
  ["7.1", "a chunk size with a blank ahead", chunks(" 5\r\nhello\r\n0\r\n\r\n")],
  ["7.1", "an empty chunk size", chunks("\r\nhello\r\n0\r\n\r\n")],
  ["7.1", "a chunk size beyond 2^53", chunks("fffffffffffffff\r\nhello")],
  ["7.1", "a chunk size of 17 digits", chunks("00000000000000005\r\nhello\r\n0\r\n\r\n")],
  ["7.1", "a chunk that is longer than its size", chunks("4\r\nhello\r\n0\r\n\r\n")],
  ["7.1", "a chunk that is shorter than its size", chunks("6\r\nhello\r\n0\r\n\r\n")],
  ["7.1", "a bare LF behind a chunk size", chunks("5\nhello\r\n0\r\n\r\n")],
  ["7.1", "a bare LF behind a chunk", chunks("5\r\nhello\n0\r\n\r\n")],
  ["7.1.1", "an extension that is none", chunks("5;\r\nhello\r\n0\r\n\r\n")],
  ["7.1.1", "a bare CR in an extension", chunks("5;a=\rb\r\nhello\r\n0\r\n\r\n")],
  ["7.1.2", "a trailer without a colon", chunks("0\r\nX\r\n\r\n")],
  ["7.1.2", "a folded trailer", chunks("0\r\nX: a\r\n b\r\n\r\n")],
  ["8", "content that is cut", sized("6"), "http_incomplete_response"],
  ["8", "no last chunk", chunks("5\r\nhello\r\n"), "http_incomplete_response"],
  ["8", "half a chunk", chunks("6\r\nhello"), "http_incomplete_response"],
  ["8", "no end behind the last chunk", chunks("0\r\n"), "http_incomplete_response"],
  ["8", "half a head", "HTTP/1.1 200 OK\r\nContent-Le", "connection_terminated"],
  ["8", "an informational response alone", "HTTP/1.1 103 Early\r\n\r\n", "connection_terminated"],
  ["9110 15.2.2", "a switch that nothing asked for", "HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n"],
  ["9110 15", "a status below 100", line("HTTP/1.1 099 Low"), "http_response_status_invalid"],
  [
    "9110 5.4",
    "a head that is too large",
    field(`X: ${"y".repeat(140_000)}`),
    "http_response_header_section_too_large",
  ],
  [
    "4",
    "a status line that is too long",
    line(`HTTP/1.1 200 ${"y".repeat(140_000)}`),
    "http_response_header_section_too_large",
  ],
];

/** Responses that reach the guest, with their content, and whether their connection is kept. */
export const ACCEPTED: readonly [
  section: string,
  what: string,
  raw: string,
  seen: { readonly status?: number; readonly content?: string; readonly kept?: boolean },
  method?: string,
][] = [
  ["2.2", "empty lines ahead of it", `\r\n\r\n${sized("5")}`, {}],
  ["2.3", "HTTP/1.9", line("HTTP/1.9 200 OK"), {}],
  ["4", "an empty reason", line("HTTP/1.1 200 "), {}],
  ["4", "no reason, and no blank", line("HTTP/1.1 200"), {}],
  ["4", "a reason beyond ASCII", line("HTTP/1.1 200 \xe9t\xe9\tok"), {}],
  ["4", "a status that nobody knows", line("HTTP/1.1 999 ?"), { status: 999 }],
  ["5", "an empty value", field("X:"), {}],
  ["5", "blanks around a value", field("X: \t y\t "), {}],
  ["5", "a value beyond ASCII", field("X: \x80\xff"), {}],
  ["6.1", "chunked in capitals", coded("CHUNKED"), {}],
  ["6.1", "a coding ahead of chunked", coded("gzip, chunked"), {}],
  ["6.1", "a coding that is not chunked", coded("gzip", "hello"), { kept: false }],
  ["6.3", "a length", sized("5"), {}],
  ["6.3", "a length with zeros", sized("0005"), {}],
  ["6.3", "a length of 0", ok("Content-Length: 0\r\n"), { content: "" }],
  ["6.3", "neither length nor coding", ok("", "hello"), { kept: false }],
  ["6.3", "neither, and no content", ok(""), { content: "", kept: false }],
  ["6.3", "a response to HEAD with a length", ok("Content-Length: 5\r\n"), { content: "" }, "HEAD"],
  [
    "6.3",
    "a response to HEAD with chunks",
    ok("Transfer-Encoding: chunked\r\n"),
    { content: "" },
    "HEAD",
  ],
  ["6.3", "a response to HEAD with neither", ok(""), { content: "" }, "HEAD"],
  ["6.3", "a 204 with a length", "HTTP/1.1 204 N\r\nContent-Length: 5\r\n\r\n", {
    status: 204,
    content: "",
  }],
  ["6.3", "a 304 with a length", "HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\n", {
    status: 304,
    content: "",
  }],
  ["6.3", "a 304 with chunks", "HTTP/1.1 304 N\r\nTransfer-Encoding: chunked\r\n\r\n", {
    status: 304,
    content: "",
  }],
  ["6.3", "a 205 with content", sized("5").replace("200", "205"), { status: 205 }],
  ["6.3", "more than its length", sized("5") + "!", { kept: false }],
  ["6.3", "another response behind it", sized("5") + sized("5"), { kept: false }],
  ["6.3", "content behind a 204", "HTTP/1.1 204 N\r\n\r\nhello", {
    status: 204,
    content: "",
    kept: false,
  }],
  ["6.3", "content behind a response to HEAD", sized("5"), { content: "", kept: false }, "HEAD"],
  ["7.1", "several chunks", chunks("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"), {}],
  ["7.1", "sizes with zeros, and in capitals", chunks("0005\r\nhello\r\n000\r\n\r\n"), {}],
  ["7.1", "more than its last chunk", coded("chunked") + "\r\n", { kept: false }],
  ["7.1.1", "extensions", chunks('5;a;b=c; d="e"\r\nhello\r\n0;f\r\n\r\n'), {}],
  ["7.1.2", "trailers", chunks("5\r\nhello\r\n0\r\nX: y\r\nContent-Length: 9\r\n\r\n"), {}],
  ["9.3", "a close", field("Connection: close"), { kept: false }],
  ["9.3", "a close among others", field("Connection: x, Close"), { kept: false }],
  ["9.3", "a close in a second field", field("Connection: x\r\nConnection: close"), {
    kept: false,
  }],
  ["9.3", "keep-alive", field("Connection: keep-alive"), {}],
  ["9.3", "HTTP/1.0", line("HTTP/1.0 200 OK"), { kept: false }],
  ["9.3", "HTTP/1.0 with keep-alive", field("Connection: Keep-Alive").replace("1.1", "1.0"), {}],
  ["9110 15.2", "a 100", `HTTP/1.1 100 Continue\r\n\r\n${sized("5")}`, {}],
  ["9110 15.2", "hints", `HTTP/1.1 103 E\r\nLink: </a>\r\n\r\n`.repeat(3) + sized("5"), {}],
  [
    "9110 15.2",
    "an informational response with a length",
    `HTTP/1.1 102 P\r\nContent-Length: 5\r\n\r\n${sized("5")}`,
    {},
  ],
];
