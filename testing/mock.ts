import { SEND_FAILURES, SendError } from "../service/errors.ts";
import type { BackendHandler } from "../service/backends/definition.ts";
import { didYouMean } from "../service/util/suggest.ts";
import type { Clock } from "../service/util/clock.ts";
import { millisOf } from "./clock.ts";

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

/** Second argument of a {@linkcode MockHandler}. */
export interface MockContext {
  /** Named parts of the route's path, as `id` of `/users/:id`. */
  readonly params: Readonly<Record<string, string>>;
}

/** Function that answers a request. An exception fails the request. */
export type MockHandler = (
  request: Request,
  context: MockContext,
) => Response | MockData | Promise<Response | MockData>;

/**
 * Mocks by route. A route is a path, as `/users/:id` or `/static/*`, a method and a path, as `GET /users/:id`, or either
 * with a whole URL. Paths are patterns of `URLPattern`. The first route that matches answers.
 */
export interface MockRoutes {
  /** Mock for the requests of a route. */
  readonly [route: string]: Mock;
}

/** Mock of a backend: a function, a response, a list of mocks that are used one after another, or routes. */
export type Mock = MockHandler | MockData | readonly Mock[] | MockRoutes;

/** Error for a request to a backend that no mock answers. */
export class UnmockedRequestError extends Error {
  /** Name of the class. */
  override name = "UnmockedRequestError";
  /** Name of the backend. */
  readonly backend: string;
  /** Method of the request. */
  readonly method: string;
  /** URL of the request. */
  readonly url: string;

  /**
   * Makes an error whose message names the request, and a way to mock it, in one line.
   *
   * @param why Reason, in words after the name of the backend; by default that it has no mock.
   * @param advice Next step, in a sentence; by default how a test adds a mock.
   */
  constructor(
    backend: string,
    { method, url }: { readonly method: string; readonly url: string },
    why = "has no mock",
    advice: string = addMock(backend),
  ) {
    super(`Backend "${backend}" ${why} for ${method} ${url}. ${advice}`);
    this.backend = backend;
    this.method = method;
    this.url = url;
  }
}

/** Function that answers a request; its result is undefined if no route matches. */
type MockAnswer = (request: Request, params: Readonly<Record<string, string>>) =>
  | Promise<Response>
  | "used up"
  | undefined;

const FIELDS = ["status", "headers", "body", "json", "delay", "times", "error"];
const MOCK_ERRORS: readonly string[] = SEND_FAILURES.slice(2);
const ROUTE = /^(?:([A-Z]+) +)?(\/.*|\*|https?:\/\/.+)$/;
const BODILESS: readonly number[] = [204, 205, 304];

function addMock(backend: string): string {
  const key = /^[A-Za-z_$][\w$]*$/.test(backend) ? backend : JSON.stringify(backend);
  return `Add one: TestHost.start({ backends: { ${key}: () => new Response("…") } })`;
}

/**
 * Makes a backend of a mock. Requests that it does not answer fail, with an {@linkcode UnmockedRequestError} as the cause.
 *
 * @param name Name of the backend, for messages.
 * @param advice Advice for a request that is not mocked; by default how a test adds a mock.
 * @throws {TypeError} If the mock is invalid; the message names the place in it.
 */
export function mockBackend(
  name: string,
  mock: Mock,
  clock: Pick<Clock, "after">,
  advice?: string,
): BackendHandler {
  const answer = answerOf(mock, `the mock of backend "${name}"`, clock, Infinity);
  return (request) => {
    const response = answer(request, {});
    if (response instanceof Promise) return response;
    const why = response === "used up" ? "has used up its mock" : undefined;
    throw unmockedFailure(new UnmockedRequestError(name, request, why, advice));
  };
}

/** Makes the failure that the guest gets for a request that is not mocked. */
export function unmockedFailure(error: UnmockedRequestError): SendError {
  return new SendError("destination_not_found", error.message, { cause: error });
}

/** @param max Number of requests that a mock without `times` answers. */
function answerOf(
  mock: Mock,
  place: string,
  clock: Pick<Clock, "after">,
  max: number,
): MockAnswer {
  if (typeof mock === "function") {
    return counted(max, (request, params) => called(mock, request, params, place, clock));
  }
  if (Array.isArray(mock)) {
    const answers = mock.map((one, i) => answerOf(one, `${place}, number ${i + 1}`, clock, 1));
    return inTurn(answers);
  }
  if (typeof mock !== "object" || mock === null) {
    wrong(place, "it is neither a function, a response, a list nor routes");
  }
  const keys = Object.keys(mock);
  if (keys.length && keys.every((key) => ROUTE.test(key))) {
    return routed(mock as MockRoutes, place, clock, max);
  }
  const data = checked(mock as MockData, place);
  const { times = max } = data;
  return counted(times, (request) => dataResponse(data, request, place, clock));
}

function counted(
  max: number,
  make: (request: Request, params: Readonly<Record<string, string>>) => Promise<Response>,
): MockAnswer {
  let left = max;
  return (request, params) => left-- > 0 ? make(request, params) : "used up";
}

function inTurn(answers: readonly MockAnswer[]): MockAnswer {
  return (request, params) => {
    let last: ReturnType<MockAnswer>;
    for (const answer of answers) {
      const next = answer(request, params);
      if (next instanceof Promise) return next;
      last ??= next;
    }
    return last ?? "used up";
  };
}

function routed(
  routes: MockRoutes,
  place: string,
  clock: Pick<Clock, "after">,
  max: number,
): MockAnswer {
  const compiled = Object.entries(routes).map(([route, mock]) => {
    const [, method, pattern] = ROUTE.exec(route)!;
    return {
      method,
      pattern: patternOf(pattern!, `${place}, route "${route}"`),
      answer: answerOf(mock, `${place}, route "${route}"`, clock, max),
    };
  });
  return (request) => {
    let last: ReturnType<MockAnswer>;
    for (const { method, pattern, answer } of compiled) {
      if (method !== undefined && method !== request.method) continue;
      const match = pattern.exec(request.url);
      if (!match) continue;
      const params = { ...match.hostname.groups, ...match.pathname.groups };
      const next = answer(request, params as Record<string, string>);
      if (next instanceof Promise) return next;
      last ??= next;
    }
    return last;
  };
}

function patternOf(pattern: string, place: string): URLPattern {
  try {
    return pattern.startsWith("http")
      ? new URLPattern(pattern)
      : new URLPattern({ pathname: pattern });
  } catch (error) {
    wrong(place, `it is no URLPattern (${error instanceof Error ? error.message : error})`);
  }
}

function checked(data: MockData, place: string): MockData {
  for (const key of Object.keys(data)) {
    if (FIELDS.includes(key)) continue;
    const all = `there are ${FIELDS.join(", ")}, and routes as "GET /path"`;
    wrong(place, `it has a key "${key}", ${didYouMean(key, FIELDS, all)}`);
  }
  const { status, headers = {}, body, json, delay, times, error } = data;
  if (status !== undefined && !(Number.isInteger(status) && status >= 200 && status <= 599)) {
    wrong(place, `its status ${JSON.stringify(status)} is no number from 200 to 599`);
  }
  if (typeof headers !== "object" || headers === null || Array.isArray(headers)) {
    wrong(place, "its headers are no object of texts");
  }
  try {
    headersOf(headers);
  } catch (cause) {
    wrong(place, `its headers cannot be sent (${cause instanceof Error ? cause.message : cause})`);
  }
  if (body !== undefined && typeof body !== "string" && !(body instanceof Uint8Array)) {
    wrong(place, "its body is neither a text nor bytes; for a JSON value there is json");
  }
  if (body !== undefined && json !== undefined) wrong(place, "it has both a body and json");
  if (delay !== undefined) millisOf(delay);
  if (times !== undefined && !(Number.isInteger(times) && times >= 0)) {
    wrong(place, `its times ${JSON.stringify(times)} is no whole number`);
  }
  if (error !== undefined && !MOCK_ERRORS.includes(error)) {
    wrong(place, `its error "${error}" is not known, ${didYouMean(String(error), MOCK_ERRORS)}`);
  }
  return data;
}

function wrong(place: string, what: string): never {
  throw new TypeError(`Cannot use ${place}: ${what}`);
}

async function called(
  handler: MockHandler,
  request: Request,
  params: Readonly<Record<string, string>>,
  place: string,
  clock: Pick<Clock, "after">,
): Promise<Response> {
  const answer = await handler(request, { params });
  if (answer instanceof Response) return answer;
  if (typeof answer !== "object" || answer === null) {
    wrong(place, "it answered with neither a Response nor a mock's fields");
  }
  return await dataResponse(checked(answer, place), request, place, clock);
}

async function dataResponse(
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
