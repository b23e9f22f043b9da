import { messageOf, SEND_FAILURES, SendError } from "../service/errors.ts";
import type { Clock } from "../service/util/clock.ts";
import { isPlainObject } from "../service/util/plain_object.ts";
import { shownValue } from "../service/util/shown_value.ts";
import { didYouMean } from "../service/util/suggest.ts";
import { millisOf, NO_DURATION, parsedMillis } from "./clock.ts";

/** Reason of a failed request to a backend, as in Fastly's `send_error_detail`. */
export type MockError =
  | "dns_timeout"
  | "dns_error"
  | "destination_not_found"
  | "destination_unavailable"
  | "destination_ip_unroutable"
  | "connection_refused"
  | "connection_terminated"
  | "connection_timeout"
  | "connection_limit_reached"
  | "tls_certificate_error"
  | "tls_configuration_error"
  | "http_incomplete_response"
  | "http_response_header_section_too_large"
  | "http_response_body_too_large"
  | "http_response_timeout"
  | "http_response_status_invalid"
  | "http_upgrade_failed"
  | "http_protocol_error"
  | "http_request_cache_key_invalid"
  | "http_request_uri_invalid"
  | "internal_error"
  | "tls_alert_received"
  | "tls_protocol_error"
  | "h2_error";

/** JSON value. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

/** Response, or failure, as data. */
export interface MockData {
  /** Status; 200 by default. */
  readonly status?: number;
  /** Header fields by name; a list makes several fields of the name. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Content; a text is sent in UTF-8. By default there is none. */
  readonly body?: string | Uint8Array;
  /** Content in place of `body`, sent as JSON with its content type. */
  readonly json?: Json;
  /** Time until the response or failure by the clock of the test: milliseconds, or a text as `2s`. By default none. */
  readonly delay?: number | string;
  /** Number of requests that it answers. By default all, or one in a list. */
  readonly times?: number;
  /** Fails the request. With a `status` or a body these are sent first, and then the response is cut. */
  readonly error?: MockError;
}

const FIELDS = ["status", "headers", "body", "json", "delay", "times", "error"];
const MOCK_ERRORS: readonly string[] = SEND_FAILURES.slice(2);
const BODILESS: readonly number[] = [204, 205, 304];

/** Whether a key is one of a response as data. */
export function isField(key: string): boolean {
  return FIELDS.includes(key);
}

/**
 * Checks a response as data.
 *
 * @param place Name of the mock, for messages.
 * @throws {TypeError} If a field is not known, or has no such value.
 */
export function checkedData(data: MockData, place: string): MockData {
  const unknown = Object.keys(data).find((key) => !isField(key));
  if (unknown !== undefined) wrong(place, `it has a key "${unknown}", ${meantBy(unknown)}`);
  const { status, headers = {}, body, json, delay, times, error } = data;
  if (status !== undefined && !(Number.isInteger(status) && status >= 200 && status <= 599)) {
    wrong(place, `its status ${shownValue(status)} is no number from 200 to 599`);
  }
  checkHeaders(headers, place);
  if (body !== undefined && typeof body !== "string" && !(body instanceof Uint8Array)) {
    wrong(place, "its body is neither a text nor bytes; for a JSON value there is json");
  }
  if (body !== undefined && json !== undefined) wrong(place, "it has both a body and json");
  if (json !== undefined) checkJson(json, place);
  if (delay !== undefined && parsedMillis(delay) === undefined) {
    wrong(place, `its delay ${shownValue(delay)} is ${NO_DURATION}`);
  }
  if (times !== undefined && !(Number.isInteger(times) && times >= 0)) {
    wrong(place, `its times ${shownValue(times)} is no whole number`);
  }
  if (error !== undefined && !MOCK_ERRORS.includes(error)) {
    wrong(place, `its error "${error}" is not known, ${didYouMean(String(error), MOCK_ERRORS)}`);
  }
  return data;
}

/** Returns the question what an unknown key stands for, or all keys. */
function meantBy(key: string): string {
  const [, method, path] = /^([A-Za-z]+) +(\/.*|\*)$/.exec(key) ?? [];
  if (method) return `did you mean ${method.toUpperCase()} ${path}?`;
  return didYouMean(key, FIELDS, `there are ${FIELDS.join(", ")}, and routes as "GET /path"`);
}

function checkHeaders(headers: NonNullable<MockData["headers"]>, place: string): void {
  if (!isPlainObject(headers)) wrong(place, "its headers are no object of texts");
  for (const [name, value] of Object.entries(headers)) {
    const wrongs = [value].flat().filter((one) => !["string", "number"].includes(typeof one));
    if (wrongs.length) wrong(place, `its header "${name}" is no text: ${shownValue(wrongs[0])}`);
  }
  try {
    headersOf(headers);
  } catch (error) {
    wrong(place, `its headers cannot be sent (${messageOf(error)})`);
  }
}

function checkJson(json: Json, place: string): void {
  let text: string | undefined;
  try {
    text = JSON.stringify(json);
  } catch (error) {
    wrong(place, `its json cannot be sent (${messageOf(error).split("\n")[0]})`);
  }
  if (text === undefined) wrong(place, "its json cannot be sent (it is no JSON value)");
}

/**
 * Fails for a mock.
 *
 * @param what Fault, in words that follow the name of the mock.
 */
export function wrong(place: string, what: string): never {
  throw new TypeError(`Cannot use ${place}: ${what}`);
}

/** Answers a request with a response as data. */
export async function dataResponse(
  data: MockData,
  request: Request,
  place: string,
  clock: Pick<Clock, "after">,
): Promise<Response> {
  const { delay, error, status = 200, json } = data;
  if (delay !== undefined) await sleep(millisOf(delay), request.signal, clock);
  const failure = error &&
    new SendError(error, `Cannot get a response: ${place} fails with ${error}`);
  if (failure) failure.told = true;
  const content = data.body ?? (json === undefined ? undefined : JSON.stringify(json));
  if (failure && content === undefined && data.status === undefined) throw failure;
  const headers = headersOf(data.headers ?? {});
  if (json !== undefined && !headers.has("content-type")) {
    headers.set("content-type", "application/json");
  }
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  if (BODILESS.includes(status)) return new Response(null, { status, headers });
  if (failure) return new Response(cutAfter(bytes, failure), { status, headers });
  // As from an origin, the length is set, unless the mock sets another one or a transfer coding.
  if (!headers.has("content-length") && !headers.has("transfer-encoding")) {
    headers.set("content-length", `${bytes?.length ?? 0}`);
  }
  return new Response((bytes ?? new Uint8Array()) as Uint8Array<ArrayBuffer>, { status, headers });
}

function headersOf(fields: NonNullable<MockData["headers"]>): Headers {
  return new Headers(
    Object.entries(fields).flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, String(one)])
    ),
  );
}

function cutAfter(bytes: Uint8Array | undefined, failure: SendError): ReadableStream<Uint8Array> {
  let sent = false;
  return new ReadableStream({
    pull(controller) {
      if (!sent && bytes?.length) controller.enqueue(bytes);
      else controller.error(failure);
      sent = true;
    },
  }, { highWaterMark: 0 });
}

function sleep(ms: number, signal: AbortSignal, clock: Pick<Clock, "after">): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const cancel = clock.after(ms, resolve);
  signal.addEventListener("abort", () => {
    cancel();
    reject(signal.reason);
  }, { once: true });
  return promise;
}
