import type { Taken } from "./memory.ts";

export const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
export const VALUE = "[\\t\\x20-\\x7e\\x80-\\xff]*";
const HEAD = new RegExp(
  `^((?:\\r\\n)*)(${TOKEN}) ([\\x21-\\x22\\x24-\\x7e]+) HTTP/1\\.(\\d)\\r\\n((?:${TOKEN}:${VALUE}\\r\\n)*)\\r\\n`,
);
const EXTENSION =
  `[\\t ]*;[\\t ]*${TOKEN}(?:[\\t ]*=[\\t ]*(?:${TOKEN}|"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"))?`;
const CHUNK = new RegExp(`^([0-9A-Fa-f]{1,16})(?:${EXTENSION})*\\r\\n`);
const TRAILERS = new RegExp(`^((?:${TOKEN}:${VALUE}\\r\\n)*)\\r\\n`);

/**
 * A second parser of requests, which reads a whole text by the grammar of RFC 9112 and knows nothing of pieces. Returns
 * the requests before the first that is not valid, is not whole, or follows a close.
 */
export function parseNaively(text: string): Taken[] {
  const taken: Taken[] = [];
  let rest = text;
  for (;;) {
    const head = HEAD.exec(rest);
    if (!head) return taken;
    const [whole, , method, target, minor, section] = head as unknown as string[];
    const fields = fieldsOf(section!);
    const of = (name: string) =>
      fields.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
    const [host, ...hosts] = of("host");
    const lengths = of("content-length");
    const codings = of("transfer-encoding");
    if (hosts.length || host === undefined && minor !== "0") return taken;
    if (host && !isHost(host) || method === "CONNECT") return taken;
    const expected = of("expect").join(", ");
    if (minor !== "0" && expected && expected.toLowerCase() !== "100-continue") return taken;
    const url = urlOf(method!, target!, host ?? "");
    if (!url) return taken;
    const content = contentOf(rest.slice(whole!.length), lengths, codings, minor!);
    if (!content) return taken;
    const headers = fields.flatMap(([name, value]) =>
      name.toLowerCase() === "host" && !target!.startsWith("/") && target !== "*"
        ? [name, url.split("/")[2]!]
        : [name, value]
    );
    const { rest: behind, ...message } = content;
    taken.push({ method: method!, url, headers, ...message });
    const options = of("connection").join(",").toLowerCase().split(",")
      .map((option) => option.replace(/^[\t ]+|[\t ]+$/g, ""));
    if (options.includes("close")) return taken;
    if (minor === "0" && !options.includes("keep-alive")) return taken;
    rest = behind;
  }
}

/** The fields of a section whose lines are valid. */
export function fieldsOf(section: string): [string, string][] {
  return section.split("\r\n").slice(0, -1).map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, "")];
  });
}

function isHost(host: string): boolean {
  if (!/^([A-Za-z0-9\-._~!$&'()*+,;=]+|\[[0-9A-Fa-f:.]+\])(:\d{0,5})?$/.test(host)) return false;
  return URL.canParse(`http://${host}`);
}

function urlOf(method: string, target: string, host: string): string | undefined {
  const authority = host || "192.0.2.2:80";
  if (target.startsWith("/")) return `http://${authority}${target}`;
  if (target === "*") return method === "OPTIONS" ? `http://${authority}/*` : undefined;
  const [match, named, rest] = /^https?:\/\/([^/?]+)(.*)$/i.exec(target) ?? [];
  if (match === undefined || !isHost(named!)) return undefined;
  return `http://${named}${rest!.startsWith("/") ? "" : "/"}${rest}`;
}

/** Content of a message, and the text behind it. */
export type Content = Pick<Taken, "content" | "trailers"> & { readonly rest: string };

function contentOf(
  text: string,
  lengths: readonly string[],
  codings: readonly string[],
  minor: string,
): Content | undefined {
  if (codings.length) {
    const plain = codings.length === 1 && codings[0]!.toLowerCase() === "chunked";
    return plain && !lengths.length && minor !== "0" ? chunksOf(text) : undefined;
  }
  if (!lengths.length) return { content: "", trailers: [], rest: text };
  const length = Number(lengths[0]);
  if (lengths.length > 1 || !/^\d+$/.test(lengths[0]!) || length > text.length) return undefined;
  return { content: text.slice(0, length), trailers: [], rest: text.slice(length) };
}

/** Content in chunks, and the text behind it; undefined if it is not valid, or not whole. */
export function chunksOf(text: string): Content | undefined {
  let content = "";
  for (let rest = text;;) {
    const [line, digits] = CHUNK.exec(rest) ?? [];
    if (line === undefined) return undefined;
    const size = parseInt(digits!, 16);
    rest = rest.slice(line.length);
    if (size === 0) {
      const [section, fields] = TRAILERS.exec(rest) ?? [];
      if (section === undefined) return undefined;
      const trailers = fieldsOf(fields!).filter(([name]) =>
        !/^(transfer-encoding|content-length|host|trailer)$/i.test(name)
      );
      return { content, trailers: trailers.flat(), rest: rest.slice(section.length) };
    }
    if (rest.length < size + 2 || rest.slice(size, size + 2) !== "\r\n") return undefined;
    content += rest.slice(0, size);
    rest = rest.slice(size + 2);
  }
}
