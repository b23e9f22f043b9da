import { SendError } from "../errors.ts";
import type { HeaderList } from "./headers.ts";
import type { LimitValues } from "../limits.ts";

/** Limits on the header fields of a message. */
export type HeadLimits = Pick<LimitValues, "header_bytes" | "header_count">;

/** Returns the limit that the fields exceed; undefined if they exceed none. */
export function exceeded(headers: HeaderList, limits: HeadLimits): keyof HeadLimits | undefined {
  if (headers.size > limits.header_count) return "header_count";
  return headers.bytes > limits.header_bytes ? "header_bytes" : undefined;
}

/** Returns the number and size of the fields, in words that follow "it has". */
export function extentOf({ size, bytes }: HeaderList): string {
  return `${size} header fields of ${bytes} bytes`;
}

/** Returns the error for a backend's response whose head exceeds a limit; undefined if it exceeds none. */
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
