import { SendError } from "../errors.ts";
import type { HeaderList } from "./headers.ts";
import type { LimitValues } from "../limits.ts";

/** The limits on the header fields of a message. */
export type HeadLimits = Pick<LimitValues, "header_bytes" | "header_count">;

/** Which limit the fields exceed, if one. */
export function exceeded(headers: HeaderList, limits: HeadLimits): keyof HeadLimits | undefined {
  if (headers.size > limits.header_count) return "header_count";
  return headers.bytes > limits.header_bytes ? "header_bytes" : undefined;
}

/** How far the fields go, in words that follow "it has". */
export function extentOf({ size, bytes }: HeaderList): string {
  return `${size} header fields of ${bytes} bytes`;
}

/** The error of a backend's response whose head is beyond the limits. */
export function headError(
  headers: HeaderList,
  limits: HeadLimits,
  name: string,
): SendError | undefined {
  const limit = exceeded(headers, limits);
  if (!limit) return undefined;
  const message = `Cannot take the response of ${name}: it has ${extentOf(headers)}`;
  return new SendError("http_response_header_section_too_large", message, { limit });
}
