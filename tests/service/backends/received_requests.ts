import type { Wire } from "./origins.ts";

/** A request's framing fields, and its content without its coding. */
export interface ReceivedRequest {
  readonly fields: readonly string[];
  readonly content: string;
  /** Whether the content ends as its framing says. */
  readonly ends: boolean;
  readonly trailers: readonly string[];
}

/**
 * Reads a request in the grammar of RFC 9112, strictly; undefined when the client has closed before it.
 *
 * @param onHead Called with the head, before the content is read.
 */
export async function receive(
  wire: Wire,
  onHead?: (head: string) => Promise<void>,
): Promise<[line: string, ReceivedRequest] | undefined> {
  const head = await wire.head();
  if (!head) return undefined;
  await onHead?.(head);
  const [line = "", ...lines] = head.split("\r\n").slice(0, -2);
  const fields = lines.filter((line) => /^(content-length|transfer-encoding):/i.test(line))
    .map((line) => line.replace(/^content-length/i, "Content-Length"))
    .map((line) => line.replace(/^transfer-encoding/i, "Transfer-Encoding"));
  if (fields[0]?.startsWith("Transfer")) return [line, { fields, ...await chunksOf(wire) }];
  const length = Number(fields[0]?.split(" ")[1] ?? 0);
  const content = await wire.exactly(length);
  return [line, { fields, content, ends: content.length === length, trailers: [] }];
}

async function chunksOf(wire: Wire): Promise<Omit<ReceivedRequest, "fields">> {
  let content = "";
  for (;;) {
    const line = await wire.until("\r\n");
    if (!line) return { content, ends: false, trailers: [] };
    if (line === "0\r\n") break;
    const size = /^([1-9a-f][0-9a-f]*)\r\n$/.exec(line)?.[1];
    const chunk = await wire.exactly(parseInt(size ?? "x", 16));
    content += chunk;
    if (await wire.exactly(2) !== "\r\n") return { content, ends: false, trailers: ["no CRLF"] };
  }
  const trailers: string[] = [];
  for (let line; (line = await wire.until("\r\n")) !== "\r\n";) {
    trailers.push(...line.slice(0, -2).split(": "));
  }
  return { content, ends: true, trailers };
}
