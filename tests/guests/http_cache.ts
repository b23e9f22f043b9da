import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastlikeOptions } from "../../mod.ts";
import { fetchRaw, type RawResponse, valuesOf } from "./http.ts";
import { type Origin, type Served, serveGuest, startOrigin } from "./serving.ts";

/** A guest, its origin, and the clock that both go by. */
interface Stage extends AsyncDisposable {
  readonly origin: Origin;
  readonly served: Served;
  now: number;
  ask(path: string, options?: Parameters<typeof fetchRaw>[2]): Promise<RawResponse>;
}

export async function setUp(
  name: string,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  options: FastlikeOptions = {},
): Promise<Stage> {
  const origin = await startOrigin(answer);
  const clock = { now: Date.parse("2026-11-22T12:00:00Z") };
  const served = await serveGuest(name, {
    backends: { origin: origin.url },
    clock: () => clock.now,
    ...options,
  });
  return {
    origin,
    served,
    get now() {
      return clock.now;
    },
    set now(now) {
      clock.now = now;
    },
    ask: (path, options) => fetchRaw(served.port, `/http-cache${path}`, options),
    async [Symbol.asyncDispose]() {
      await served[Symbol.asyncDispose]();
      await origin[Symbol.asyncDispose]();
    },
  };
}

/** Whether the cache had it, and the content. */
export function told(response: RawResponse): string[] {
  return [...valuesOf(response, "x-cache"), response.body];
}

/** Answers with the number of the request, and these fields. */
export function counting(fields: Record<string, string> = {}, status = 200) {
  let count = 0;
  return (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(status, { date: "Sun, 22 Nov 2026 12:00:00 GMT", ...fields });
    response.end(`answer ${++count}`);
  };
}

/** Answers with a tag, or with a 304 to a request that has it; notes the condition of each request, or "all". */
export function confirming(asked: string[]) {
  return (request: IncomingMessage, response: ServerResponse) => {
    const condition = request.headers["if-none-match"];
    asked.push(condition ?? "all");
    const fields = { etag: '"v1"', "x-count": String(asked.length) };
    if (condition === '"v1"') response.writeHead(304, fields).end();
    else response.writeHead(200, fields).end("the content");
  };
}
