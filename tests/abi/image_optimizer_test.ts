import type { ImageOptions } from "../../service/backends/image_optimizer.ts";
import type { ServiceOptions } from "../../service/options.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { Stop } from "../../handles/stop.ts";
import {
  type Bench,
  bench,
  INVALID_HANDLE,
  OUT,
  OUT2,
  turn,
  UNTOUCHED,
  watch,
  XqdStatus,
} from "./_bench.ts";

const { ok, error, inval, badf, unsupported } = XqdStatus;
const MODULE = "fastly_image_optimizer";
const QUERY = 2;
/** Addresses of the configuration, its text and the error detail. */
const CONFIG = 0x2000;
const TEXT = 0x2100;
const DETAIL = 0x2200;

function origin(request: Request): Response {
  if (request.url.endsWith("none")) return new Response(null, { status: 204 });
  return new Response(`image of ${request.url}`, { headers: { "content-type": "image/png" } });
}

function optimizing(imageOptimizer: ServiceOptions["imageOptimizer"]): Bench {
  const backends = {
    images: origin,
    broken: () => {
      throw new Error("broken");
    },
  };
  return bench({ backends, ...imageOptimizer && { imageOptimizer } });
}

interface Transform {
  readonly request?: number;
  readonly body?: number;
  readonly backend?: string;
  readonly query?: string;
  readonly mask?: number;
  readonly detail?: number;
}

function transform(b: Bench, request: number, options: Transform = {}): number | Promise<number> {
  const { body = INVALID_HANDLE, backend = "images", query, detail = DETAIL } = options;
  const bytes = new TextEncoder().encode(query ?? "");
  b.memory.setBytes(TEXT, bytes);
  b.memory.setU32(CONFIG, TEXT);
  b.memory.setU32(CONFIG + 4, bytes.length);
  for (let at = 0; at < 12; at += 4) b.memory.setU32(DETAIL + at, UNTOUCHED);
  b.memory.setU32(OUT, UNTOUCHED);
  b.memory.setU32(OUT2, UNTOUCHED);
  const { mask = query === undefined ? 0 : QUERY } = options;
  const config = mask ? CONFIG : 0;
  const name = "transform_image_optimizer_request";
  return b.call(MODULE, name, request, body, backend, mask, config, detail, OUT, OUT2);
}

function detailOf(b: Bench): number[] {
  return [0, 4, 8].map((at) => b.memory.u32(DETAIL + at));
}

async function statusOf(b: Bench): Promise<number> {
  assertEquals(await b.call("fastly_http_resp", "status_get", b.memory.u32(OUT), 0x140), ok);
  return b.memory.u16(0x140);
}

Deno.test("the hook gets the request, the options and the image, and its response is the guest's", async () => {
  const seen: Omit<ImageOptions, "fetchImage">[] = [];
  using b = optimizing(async (request, { fetchImage, ...rest }) => {
    seen.push(rest);
    const image = await fetchImage();
    const text = [
      request.method,
      request.url,
      await image.text(),
      image.headers.get("content-type"),
    ];
    return new Response(text.join("|"), { status: 203, headers: { "x-io": "yes" } });
  });
  const request = await b.request("http://origin.test/a.png?v=1");
  assertEquals(await transform(b, request, { query: "width=100&format=webp" }), ok);
  assertEquals(seen, [{ query: "width=100&format=webp", backend: "images" }]);
  assertEquals(detailOf(b), [1, 0, 0]);
  const response = b.memory.u32(OUT);
  assertEquals(await statusOf(b), 203);
  const url = "http://origin.test/a.png?v=1";
  assertEquals(await b.drain(b.memory.u32(OUT2)), `GET|${url}|image of ${url}|image/png`);
  const header = await b.read("fastly_http_resp", "header_value_get", [response, "x-io"]);
  assertEquals(header.text, "yes");
});

Deno.test("a request may have a body, no query and no room for the detail; the body is consumed, the request is the guest's to close", async () => {
  using b = optimizing(async (request, { query }) =>
    new Response(`${await request.text()}:${query}`)
  );
  const request = await b.request("http://origin.test/", "POST");
  const body = await b.body("sent");
  assertEquals(await transform(b, request, { body, detail: 0 }), ok);
  assertEquals(await b.drain(b.memory.u32(OUT2)), "sent:");
  assertEquals(await transform(b, request, { body }), badf);
  assertEquals(await b.call("fastly_http_req", "close", request), ok);
  assertEquals(await transform(b, request), badf);
});

Deno.test("the hook may ask for another URL, and asks for the whole image as it is", async () => {
  const got: Request[] = [];
  using b = bench({
    backends: { images: (request) => (got.push(request), new Response("image")) },
    imageOptimizer: (_, { fetchImage }) => fetchImage("http://origin.test/b%20c"),
  });
  const request = await b.request("http://origin.test/a?width=1");
  const fields = { "range": "bytes=0-1", "accept-encoding": "gzip", "accept": "image/webp" };
  for (const [name, value] of Object.entries(fields)) {
    assertEquals(b.now("fastly_http_req", "header_insert", request, name, value), ok);
  }
  assertEquals(await transform(b, request), ok);
  assertEquals(got.map(({ url, method }) => `${method} ${url}`), ["GET http://origin.test/b%20c"]);
  assertEquals(Object.keys(fields).map((name) => got[0]!.headers.get(name)), [
    null,
    null,
    "image/webp",
  ]);
});

Deno.test("an image without content is one", async () => {
  using b = optimizing((_, { fetchImage }) => fetchImage());
  assertEquals(await transform(b, await b.request("http://origin.test/none")), ok);
  assertEquals(await statusOf(b), 204);
  assertEquals(await b.drain(b.memory.u32(OUT2)), "");
});

Deno.test("without a hook it is not supported, and says nothing of an image", async () => {
  using b = optimizing(undefined);
  const request = await b.request();
  assertEquals(await transform(b, request, { query: "width=1" }), unsupported);
  assertEquals(detailOf(b), [UNTOUCHED, UNTOUCHED, UNTOUCHED]);
  assertEquals([b.memory.u32(OUT), b.memory.u32(OUT2)], [UNTOUCHED, UNTOUCHED]);
  assertEquals(await b.call("fastly_http_req", "close", request), ok);
});

Deno.test("an exception of the hook is an error with a detail, and logged", async () => {
  using b = optimizing(() => {
    throw new Error("no such filter");
  });
  assertEquals(await transform(b, await b.request(), { query: "blur=x" }), error);
  assertEquals(detailOf(b), [2, 0, 0]);
  assertEquals(b.memory.u32(OUT), UNTOUCHED);
  const [entry] = b.logs;
  assert(entry?.kind === "host");
  assertStringIncludes(entry.message, "The image optimizer failed: Error: no such filter");
  assertEquals(entry.requestId?.length, 32);
  assertEquals(b.logs.length, 1);
});

Deno.test("an image that the backend does not give is an error, unless the hook helps itself", async () => {
  using b = optimizing((_, { fetchImage }) => fetchImage());
  assertEquals(await transform(b, await b.request(), { backend: "broken" }), error);
  assertEquals(detailOf(b), [2, 0, 0]);
  using other = optimizing((_, { fetchImage }) => fetchImage().catch(() => new Response("other")));
  assertEquals(await transform(other, await other.request(), { backend: "broken" }), ok);
  assertEquals(await other.drain(other.memory.u32(OUT2)), "other");
});

Deno.test("unknown backends, unknown options and bad queries are refused, with a detail", async () => {
  using b = optimizing(() => new Response("image"));
  for (const bad of [{ backend: "none" }, { mask: 4 }, { query: "a", mask: 6 }]) {
    assertEquals(await transform(b, await b.request(), bad), inval);
    assertEquals(detailOf(b), [2, 0, 0]);
  }
});

Deno.test("a hook's signal aborts when the guest is stopped", async () => {
  const started = Promise.withResolvers<AbortSignal>();
  const b = optimizing((request) => {
    started.resolve(request.signal);
    return new Promise(() => {});
  });
  const waiting = watch(transform(b, await b.request()));
  const signal = await started.promise;
  assertEquals([signal.aborted, waiting.settled], [false, false]);
  b.sandbox.execution.stop(new Stop("Enough"));
  await waiting.value.catch(() => {});
  b[Symbol.dispose]();
  await turn();
  assertEquals(signal.aborted, true);
});
