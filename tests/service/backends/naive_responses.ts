import { chunksOf, type Content, fieldsOf, TOKEN, VALUE } from "../../server/naive_parser.ts";
import type { Outcome } from "./memory_origin.ts";

const HEAD = new RegExp(
  `^(?:\\r\\n)*HTTP/1\\.(\\d) (\\d{3})(?: ${
    VALUE.slice(0, -1)
  }*)?\\r\\n((?:${TOKEN}:${VALUE}\\r\\n)*)\\r\\n`,
);

/**
 * A second parser of responses, which reads a whole text by the grammar of RFC 9112 and knows nothing of pieces.
 *
 * @returns The first final response; undefined if it is not valid, or not whole when the connection closes.
 */
export function parseNaively(text: string, method: string): Outcome | undefined {
  const head = HEAD.exec(text);
  if (!head) return undefined;
  const [whole, minor, digits, section] = head as unknown as string[];
  const status = Number(digits);
  const fields = fieldsOf(section!);
  const of = (name: string) =>
    fields.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
  const lengths = of("content-length");
  const codings = of("transfer-encoding").join(",").toLowerCase().split(",")
    .map((item) => item.replace(/^[\t ]+|[\t ]+$/g, ""));
  const isCoded = of("transfer-encoding").length > 0;
  if (isCoded && (minor === "0" || lengths.length)) return undefined;
  if (codings.slice(0, -1).includes("chunked")) return undefined;
  if (lengths.length > 1 || lengths.length && !/^\d+$/.test(lengths[0]!)) return undefined;
  if (status < 100 || status === 101) return undefined;
  const rest = text.slice(whole!.length);
  if (status < 200) return parseNaively(rest, method);
  const framing = isCoded && codings.at(-1) === "chunked"
    ? "chunked"
    : lengths.length
    ? Number(lengths[0])
    : "close";
  const none = method === "HEAD" || status === 204 || status === 304;
  const content = none ? { content: "", trailers: [], rest } : contentOf(rest, framing);
  if (!content) return undefined;
  const options = of("connection").join(",").toLowerCase().split(",")
    .map((option) => option.replace(/^[\t ]+|[\t ]+$/g, ""));
  const persists = !options.includes("close") && (minor !== "0" || options.includes("keep-alive"));
  return {
    status,
    headers: fields.flat(),
    content: content.content,
    trailers: content.trailers,
    kept: persists && content.rest === "" && (none || framing !== "close"),
  };
}

function contentOf(text: string, framing: "chunked" | "close" | number): Content | undefined {
  if (framing === "chunked") return chunksOf(text);
  if (framing === "close") return { content: text, trailers: [], rest: "" };
  if (framing > text.length) return undefined;
  return { content: text.slice(0, framing), trailers: [], rest: text.slice(framing) };
}
