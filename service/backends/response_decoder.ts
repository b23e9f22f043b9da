import type { Buffer } from "node:buffer";
import { ChunkedDecoder } from "../http/http1/chunked_decoder.ts";
import { type ContentDecoder, LengthDecoder } from "../http/http1/length_decoder.ts";
import { viewOf } from "../http/http1/views.ts";
import type { ContentFraming } from "./response_head.ts";

/**
 * Makes the decoder of a response's content.
 *
 * @param maxTrailers Maximum size of the trailer section, in bytes.
 */
export function decoderFor(framing: ContentFraming, maxTrailers: number): ContentDecoder {
  if (framing.kind === "chunked") return new ChunkedDecoder(maxTrailers);
  return framing.kind === "length" ? new LengthDecoder(framing.length) : new CloseDecoder();
}

/** Content that ends with the connection (RFC 9112, section 6.3). */
class CloseDecoder implements ContentDecoder {
  readonly ended = false;
  readonly trailers: undefined;

  push(bytes: Buffer, data: (piece: Uint8Array) => void): number {
    data(viewOf(bytes, 0, bytes.length));
    return bytes.length;
  }
}
