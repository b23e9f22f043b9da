import { messageOf, SendError } from "../service/errors.ts";
import type { BackendHandler } from "../service/backends/definition.ts";
import type { Clock } from "../service/util/clock.ts";
import { isPlainObject } from "../service/util/plain_object.ts";
import { shownValue } from "../service/util/shown_value.ts";
import { checkedData, dataResponse, isField, type MockData, wrong } from "./mock_data.ts";

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
 * with a whole URL. Paths are patterns of `URLPattern`; without a query they match any. The first route that matches
 * answers.
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

/** Any origin, for routes that are paths. */
const ANYWHERE = "http{s}?://*:*";
const ROUTE = /^(?:([A-Z]+) +)?(\/.*|\*|https?:\/\/.+)$/;

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
  if (mock instanceof Response) {
    wrong(place, "it is a Response, which can be read once: make it in a function that returns it");
  }
  if (!isPlainObject(mock)) {
    wrong(place, "it is neither a function, a response as data, a list nor routes");
  }
  const keys = Object.keys(mock);
  const route = keys.find((key) => ROUTE.test(key));
  if (route !== undefined) {
    const other = keys.find((key) => !ROUTE.test(key));
    if (other === undefined) return routed(mock as MockRoutes, place, clock, max);
    if (isField(other)) wrong(place, `it has both the route "${route}" and ${other}`);
  }
  const data = checkedData(mock as MockData, place);
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
      const next = answer(request, paramsOf(match));
      if (next instanceof Promise) return next;
      last ??= next;
    }
    return last;
  };
}

/** Returns the parts that a route names, and those of wildcards in its path. */
function paramsOf(match: URLPatternResult): Readonly<Record<string, string>> {
  const named = [match.hostname, match.search].flatMap(({ groups }) =>
    Object.entries(groups).filter(([name]) => !/^\d+$/.test(name))
  );
  const all = [...named, ...Object.entries(match.pathname.groups)];
  return Object.fromEntries(all.filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >;
}

function patternOf(pattern: string, place: string): URLPattern {
  try {
    if (pattern === "*") return new URLPattern();
    return new URLPattern(pattern.startsWith("http") ? pattern : ANYWHERE + pattern);
  } catch (error) {
    const [reason] = messageOf(error).split("\n");
    wrong(place, `it is no URLPattern (${reason})`);
  }
}

/** Error of a mock's answer that cannot be used, which fails the test as well. */
export class MockAnswerError extends TypeError {}

async function called(
  handler: MockHandler,
  request: Request,
  params: Readonly<Record<string, string>>,
  place: string,
  clock: Pick<Clock, "after">,
): Promise<Response> {
  const answer = await handler(request, { params });
  const data = usable(answer, place);
  return data instanceof Response ? data : await dataResponse(data, request, place, clock);
}

function usable(answer: Response | MockData, place: string): Response | MockData {
  try {
    if (answer instanceof Response) {
      if (!answer.bodyUsed && !answer.body?.locked) return answer;
      const advice = "make a new one for each request";
      wrong(place, `it answered with a Response that has been read already: ${advice}`);
    }
    if (isPlainObject(answer)) return checkedData(answer, place);
    const given = shownValue(answer);
    wrong(place, `it answered with ${given}, which is neither a Response nor a mock's fields`);
  } catch (error) {
    const cause = new MockAnswerError(messageOf(error));
    throw new SendError("internal_error", cause.message, { cause });
  }
}
