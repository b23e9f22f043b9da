import { Wire } from "../server/wire.ts";

/** A response as it was on the wire; a character per byte. */
export interface RawResponse {
  readonly status: number;
  /** Names and values in order, in the server's case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** Whether the message came to its proper end. */
  readonly whole: boolean;
  readonly trailers: readonly (readonly [name: string, value: string])[];
  /** The informational heads before it. */
  readonly early: readonly {
    readonly status: number;
    readonly headers: readonly (readonly [name: string, value: string])[];
  }[];
}

/** Every value under the name, whatever its case. */
export function valuesOf(response: Pick<RawResponse, "headers">, name: string): string[] {
  return response.headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
}

/** Sends a request written out by hand on a connection of its own, and reads its response. */
export async function exchange(port: number, request: string): Promise<RawResponse> {
  using wire = await Wire.open(port);
  await wire.send(request);
  return await response(wire, request.startsWith("HEAD "));
}

/** A GET (or another method, with a body) with a Host and nothing else. */
export function fetchRaw(
  port: number,
  path: string,
  { method = "GET", headers = "", body = "" } = {},
): Promise<RawResponse> {
  const length = body ? `Content-Length: ${body.length}\r\n` : "";
  return exchange(
    port,
    `${method} ${path} HTTP/1.1\r\nHost: test.example\r\n${headers}${length}\r\n${body}`,
  );
}

/** Reads the next response on the connection. */
export async function response(wire: Wire, toHead = false): Promise<RawResponse> {
  const early: { status: number; headers: [string, string][] }[] = [];
  for (;;) {
    const head = parseHead(await wire.until("\r\n\r\n"));
    if (head.status < 200) {
      early.push(head);
      continue;
    }
    return { ...head, early, ...await content(wire, head, toHead) };
  }
}

async function content(
  wire: Wire,
  head: { status: number; headers: [string, string][] },
  toHead: boolean,
): Promise<Pick<RawResponse, "body" | "whole" | "trailers">> {
  if (toHead || head.status === 204 || head.status === 304) {
    return { body: "", whole: true, trailers: [] };
  }
  if (valuesOf(head, "transfer-encoding").includes("chunked")) return await chunks(wire);
  const [length] = valuesOf(head, "content-length");
  if (length === undefined) return { body: await wire.rest(), whole: true, trailers: [] };
  const body = await wire.exactly(Number(length)).catch(() => undefined);
  return body === undefined
    ? { body: await wire.rest(), whole: false, trailers: [] }
    : { body, whole: true, trailers: [] };
}

async function chunks(wire: Wire): Promise<Pick<RawResponse, "body" | "whole" | "trailers">> {
  let body = "";
  try {
    for (;;) {
      const size = parseInt(await wire.until("\r\n"), 16);
      if (size === 0) break;
      body += await wire.exactly(size);
      await wire.until("\r\n");
    }
  } catch {
    return { body, whole: false, trailers: [] };
  }
  const trailers: [string, string][] = [];
  for (let line; (line = await wire.until("\r\n")) !== "\r\n";) trailers.push(field(line));
  return { body, whole: true, trailers };
}

function parseHead(text: string): { status: number; headers: [string, string][] } {
  const [first, ...lines] = text.trimEnd().split("\r\n");
  return { status: Number(first!.split(" ")[1]), headers: lines.map(field) };
}

function field(line: string): [string, string] {
  const at = line.indexOf(":");
  return [line.slice(0, at), line.slice(at + 1).trim()];
}
