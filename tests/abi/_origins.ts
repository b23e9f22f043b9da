/**
 * Backends in the test's hands.
 *
 * @module
 */
import { assertEquals } from "../assert.ts";
import { type Argument, type Bench, OUT, XqdStatus } from "./_bench.ts";

/** Backend that records its requests, and whose answers the test resolves. */
export class Origin {
  readonly requests: Request[] = [];
  readonly #answers: PromiseWithResolvers<Response>[] = [];

  readonly handler = (request: Request): Promise<Response> => {
    const answer = Promise.withResolvers<Response>();
    this.requests.push(request);
    this.#answers.push(answer);
    return answer.promise;
  };

  /** Answers a request, by its place in the order of arrival. */
  answer(response: Response, place = 0): void {
    this.#answers[place]!.resolve(response);
  }

  fail(error: unknown, place = 0): void {
    this.#answers[place]!.reject(error);
  }
}

/** The handles of a response and its body, of a call that succeeds. */
export async function replyOf(
  b: Bench,
  name: string,
  ...args: readonly Argument[]
): Promise<{ response: number; body: number }> {
  const status = await b.call("fastly_http_req", name, ...args, OUT, OUT + 4);
  assertEquals(status, XqdStatus.ok, name);
  return { response: b.memory.u32(OUT), body: b.memory.u32(OUT + 4) };
}

/** Starts a request to a backend; gives the pending handle. */
export async function start(
  b: Bench,
  backend: string,
  { url = "http://origin.test/", method = "GET", body = "" } = {},
): Promise<number> {
  const request = await b.request(url, method);
  return b.got("fastly_http_req", "send_async", request, await b.body(body), backend);
}
