import type { BackendHandler } from "../../../service/backends/definition.ts";
import type { BackendResponse } from "../../../service/backends/transport.ts";
import { collect, EMPTY } from "../../../service/http/bytes.ts";
import { SendError } from "../../../service/errors.ts";
import { handlerTransport } from "../../../service/backends/handler_transport.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { request, sourceFrom, sourceOf, textOf } from "./origins.ts";

function send(
  handler: BackendHandler,
  sent: Parameters<typeof request>[0] = {},
  report: (error: unknown) => void = () => {},
): Promise<BackendResponse> {
  return handlerTransport(handler, report).send(request(sent)).response;
}

Deno.test("a handler sees method, URL, fields and body", async () => {
  const response = await send(async (web) => {
    const { method, url, headers } = web;
    return Response.json([method, url, headers.get("x"), headers.get("host"), await web.text()]);
  }, { method: "heLLo", target: "/a?b", headers: ["X", "1", "x", "2"], body: "text" });
  assertEquals(
    JSON.parse(await textOf(response)),
    ["heLLo", "http://origin.test/a?b", "1, 2", "origin.test", "text"],
  );
});

Deno.test("a handler's response has its status, fields and body", async () => {
  const headers = [["X", "1"], ["set-cookie", "a"], ["set-cookie", "b"]] as [string, string][];
  const response = await send(() => new Response("body", { status: 299, headers }));
  assertEquals([response.status, response.peer], [299, undefined]);
  assertEquals(response.headers.getAll("set-cookie"), ["a", "b"]);
  assertEquals([response.body.length, await textOf(response)], [undefined, "body"]);
});

Deno.test("a response without a body is whole, one with a length has it", async () => {
  assertEquals((await send(() => new Response(null, { status: 204 }))).body, EMPTY);
  const declared = await send(() => new Response("body", { headers: { "content-length": "4" } }));
  assertEquals([declared.body.length, await textOf(declared)], [4, "body"]);
});

Deno.test("a streamed body passes through a handler as it comes", async () => {
  const echoed = Promise.withResolvers<void>();
  const body = sourceFrom(async function* () {
    yield "one";
    await echoed.promise;
    yield "two";
  }());
  const response = await send((web) => new Response(web.body), { method: "POST", body });
  const echo = sourceOf(response);
  assertEquals(await echo.read(), new TextEncoder().encode("one"));
  echoed.resolve();
  assertEquals(await echo.read(), new TextEncoder().encode("two"));
  assertEquals(await echo.read(), undefined);
});

Deno.test("a streamed body is pulled no further than the handler reads", async () => {
  let pulled = 0;
  const body = sourceFrom(async function* () {
    for (; pulled < 100; pulled++) yield "x";
  }());
  await send(async (web) => {
    const reader = web.body!.getReader();
    await reader.read();
    await reader.cancel();
    return new Response();
  }, { method: "POST", body });
  assert(pulled < 4, `${pulled} chunks were pulled`);
  await body.cancelled;
});

Deno.test("the body of a GET is left out, and its source cancelled", async () => {
  const body = sourceFrom(async function* () {
    yield "unread";
  }());
  const response = await send(async (web) => new Response(await web.text()), { body });
  assertEquals(await textOf(response), "");
  await body.cancelled;
  assertEquals(
    await textOf(await send(() => new Response("ok"), { method: "get", body: "x" })),
    "ok",
  );
});

Deno.test("a handler that throws fails the send, and the error is reported", async () => {
  const reported: unknown[] = [];
  const thrown = new Error("No luck");
  for (
    const handler of [() => Promise.reject(thrown), () => {
      throw thrown;
    }]
  ) {
    const error = await assertRejects(
      () => send(handler, {}, (error) => reported.push(error)),
      SendError,
      "Cannot get a response from the backend handler: No luck",
    );
    assertEquals([error.failure, error.cause], ["internal_error", thrown]);
  }
  assertEquals(reported, [thrown, thrown]);
});

Deno.test("an unusable Response fails the send", async () => {
  const nothing = (() => "text") as unknown as BackendHandler;
  await assertRejects(() => send(nothing), SendError, "something that is not a Response");
  const error = await assertRejects(() => send(() => Response.error()), SendError);
  assertEquals(error.failure, "connection_terminated");
  const used = async () => {
    const response = new Response("once");
    await response.text();
    return response;
  };
  await assertRejects(() => send(used), SendError, "has been read already");
});

Deno.test("a handler cannot be sent a method that Request forbids", async () => {
  for (const method of ["CONNECT", "TRACE", "track"]) {
    const error = await assertRejects(() => send(() => new Response(), { method }), SendError);
    assertEquals(error.failure, "http_protocol_error");
  }
});

Deno.test("a cancelled send aborts the handler's signal and rejects", async () => {
  const called = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  const reported: unknown[] = [];
  const transport = handlerTransport(async (web) => {
    called.resolve();
    await new Promise((resolve) => web.signal.addEventListener("abort", resolve));
    aborted.resolve();
    throw web.signal.reason;
  }, (error) => reported.push(error));
  const inFlight = transport.send(request());
  await called.promise;
  inFlight.cancel();
  inFlight.cancel();
  const error = await assertRejects(() => inFlight.response, SendError, "was cancelled");
  assertEquals(error.failure, "connection_terminated");
  await aborted.promise;
  assertEquals(reported, []);
});

Deno.test("a handler is not called before the caller pauses, nor once the send was cancelled", async () => {
  let calls = 0;
  const transport = handlerTransport(() => {
    calls++;
    return new Response("ok");
  }, () => {});
  const kept = transport.send(request());
  const cancelled = transport.send(request());
  assertEquals(calls, 0);
  cancelled.cancel();
  await assertRejects(() => cancelled.response, SendError, "was cancelled");
  assertEquals((await kept.response).status, 200);
  assertEquals(calls, 1);
});

Deno.test("a response that comes after the send was cancelled is let go", async () => {
  const called = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  const inFlight = handlerTransport(() => {
    called.resolve();
    return answer.promise;
  }, () => {}).send(request());
  await called.promise;
  inFlight.cancel();
  answer.resolve(new Response(new ReadableStream({ cancel: () => released.resolve() })));
  await released.promise;
});

Deno.test("a response body that fails fails its reader", async () => {
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => controller.error(new Error("Broken")),
  });
  const { body } = await send(() => new Response(stream));
  await assertRejects(() => collect(body), Error, "Broken");
});
