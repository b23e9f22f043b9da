// A guest with the routes all test guests share; the statements at the end run as `_start`.

import { Fastly, Headers, Request, Response } from "@fastly/as-compute";
import {
  fastly_http_req_cache_override_set,
  fastly_http_req_pending_req_wait,
  fastly_http_req_send_async,
  fastly_uap_parse,
} from "@fastly/as-compute/fastly/abi/abi";
import { CacheOverride } from "@fastly/as-compute/fastly/cache-override";
import { FASTLY_STATUS } from "@fastly/as-compute/fastly/abi/fastly-shared";
import {
  FastlyDownstreamRequest,
} from "@fastly/as-compute/fastly/fastly-downstream/fastly-downstream-request";
import {
  FastlyUpstreamRequest,
} from "@fastly/as-compute/fastly/fastly-upstream/fastly-upstream-request";
import {
  createBodyHandleAndGetWriteableBodyStream,
} from "@fastly/as-compute/util";
import {
  clockid,
  event,
  eventtype,
  poll_oneoff,
  subclockflags,
  subscription_clock,
} from "bindings/wasi_snapshot_preview1";

class Target {
  path: string = "/";
  query: string = "";
}

function target(url: string): Target {
  const result = new Target();
  const scheme = url.indexOf("://");
  const start = url.indexOf("/", scheme < 0 ? 0 : scheme + 3);
  if (start < 0) return result;
  const question = url.indexOf("?", start);
  if (question < 0) {
    result.path = url.slice(start);
  } else {
    result.path = url.slice(start, question);
    result.query = url.slice(question + 1);
  }
  return result;
}

function parameter(query: string, name: string, otherwise: i32): i32 {
  const pairs = query.split("&");
  for (let i = 0; i < pairs.length; i++) {
    if (pairs[i].startsWith(name + "=")) {
      return I32.parseInt(pairs[i].slice(name.length + 1));
    }
  }
  return otherwise;
}

function respond(status: u16, body: string, headers: Headers): void {
  Fastly.respondWith(
    new Response(String.UTF8.encode(body), { status, headers, url: null }),
  );
}

function text(status: u16, body: string): void {
  const headers = new Headers();
  headers.set("content-type", "text/plain");
  respond(status, body, headers);
}

function echo(request: Request): void {
  const headers = new Headers();
  const contentType = request.headers.get("content-type");
  if (contentType != null) headers.set("content-type", contentType!);
  headers.set("x-method", request.method);
  const writer = Fastly.respondWithStreaming(
    new Response(null, { status: 200, headers, url: null }),
  ).getWriter()!;
  const reader = (request as FastlyDownstreamRequest).body!.getReader()!;
  for (let chunk = reader.read(); !chunk.done; chunk = reader.read()) {
    writer.write(chunk.value);
  }
  writer.close();
}

function listHeaders(request: Request): void {
  const names = request.headers.keys();
  let body = "";
  for (let i = 0; i < names.length; i++) {
    body += names[i] + ": " + request.headers.get(names[i])! + "\n";
  }
  const headers = new Headers();
  headers.set("content-type", "text/plain");
  headers.append("set-cookie", "a=1");
  headers.append("set-cookie", "b=2");
  respond(200, body, headers);
}

function cacheOverride(headers: Headers): CacheOverride {
  const override = new CacheOverride();
  const ttl = headers.get("x-cache-ttl");
  if (ttl != null) override.setTTL(<u32> parseInt(ttl!));
  if (headers.get("x-cache-pass") != null) override.setPass();
  headers.delete("x-cache-ttl");
  headers.delete("x-cache-pass");
  return override;
}

// The SDK aborts the program when a send fails, so the two host calls that can fail are called
// here, in the SDK's order and with the SDK's objects around them.
function proxy(request: Request, path: string, query: string): void {
  const backend = request.headers.get("x-backend");
  request.headers.delete("x-backend");
  const override = cacheOverride(request.headers);
  const url = request.url;
  const origin = url.slice(0, url.indexOf("/", url.indexOf("://") + 3));
  const upstream = new FastlyUpstreamRequest(
    origin + path.slice("/proxy".length) + (query.length > 0 ? "?" + query : ""),
    {
      method: request.method,
      headers: request.headers,
      body: request.arrayBuffer(),
      cacheOverride: null,
    },
  );
  upstream._writeUrlToHandle();
  upstream._writeMethodToHandle();
  upstream._writeRequestHeadersToHandle();
  const body = createBodyHandleAndGetWriteableBodyStream(upstream._buffer);
  fastly_http_req_cache_override_set(
    upstream._requestHandle,
    override.getTag(),
    override.getTTL(),
    override.getSWR(),
  );
  const name = String.UTF8.encode(backend == null ? "origin" : backend!);
  const out = new StaticArray<u32>(3);
  const pointer = changetype<usize>(out);
  let status = fastly_http_req_send_async(
    upstream._requestHandle,
    body._getBodyHandle(),
    name,
    name.byteLength,
    pointer,
  );
  if (FASTLY_STATUS.isOk(status)) {
    status = fastly_http_req_pending_req_wait(out[0], pointer + 4, pointer + 8);
  }
  if (FASTLY_STATUS.isError(status)) {
    text(502, "cannot reach origin: status " + status.toString() + "\n");
    return;
  }
  const response = new Fastly.FastlyUpstreamResponse(upstream.url, out[1], out[2]);
  Fastly.respondWith(
    new Response(null, { status: response.status, headers: response.headers, url: null }),
    { responsesToAppend: [response] },
  );
}

function stream(count: i32): void {
  const headers = new Headers();
  headers.set("content-type", "text/plain");
  const writer = Fastly.respondWithStreaming(
    new Response(null, { status: 200, headers, url: null }),
  ).getWriter()!;
  for (let i = 0; i < count; i++) {
    writer.write(String.UTF8.encode("line " + i.toString() + "\n"));
  }
  writer.close();
}

function geo(): void {
  const found = Fastly.getGeolocationForIpAddress(Fastly.getClientIpAddressString());
  const city = found.city;
  const country = found.country_code;
  text(200, city == null || country == null ? "unknown\n" : city! + ", " + country! + "\n");
}

const UAP_FIELD_SIZE = 255;

function field(buffers: StaticArray<ArrayBuffer>, sizes: StaticArray<u32>, index: i32): string {
  return String.UTF8.decode(buffers[index].slice(0, sizes[index]));
}

function userAgent(request: Request): void {
  const header = request.headers.get("user-agent");
  const value = header == null ? "" : header!;
  const encoded = String.UTF8.encode(value);
  const sizes = new StaticArray<u32>(4);
  const size = changetype<usize>(sizes);
  const buffers = new StaticArray<ArrayBuffer>(4);
  for (let i = 0; i < 4; i++) buffers[i] = new ArrayBuffer(UAP_FIELD_SIZE);
  const status = fastly_uap_parse(
    encoded, encoded.byteLength,
    buffers[0], UAP_FIELD_SIZE, size,
    buffers[1], UAP_FIELD_SIZE, size + 4,
    buffers[2], UAP_FIELD_SIZE, size + 8,
    buffers[3], UAP_FIELD_SIZE, size + 12,
  );
  if (FASTLY_STATUS.isError(status)) {
    text(200, value + "\n");
    return;
  }
  text(
    200,
    field(buffers, sizes, 0) + " " + field(buffers, sizes, 1) + "." + field(buffers, sizes, 2) +
      "." + field(buffers, sizes, 3) + "\n",
  );
}

function sleep(milliseconds: i32): void {
  const subscription = changetype<subscription_clock>(
    __alloc(offsetof<subscription_clock>()),
  );
  memory.fill(changetype<usize>(subscription), 0, offsetof<subscription_clock>());
  subscription.type = eventtype.CLOCK;
  subscription.clock_id = clockid.MONOTONIC;
  subscription.timeout = <u64>milliseconds * 1_000_000;
  const events = __alloc(offsetof<event>());
  const count = __alloc(4);
  poll_oneoff(changetype<usize>(subscription), events, 1, count);
}

function url(request: Request): void {
  const headers = new Headers();
  headers.set("content-type", "text/plain");
  const ssl = request.headers.get("fastly-ssl");
  if (ssl != null) headers.set("x-fastly-ssl", ssl!);
  respond(200, request.url + "\n", headers);
}

function serve(request: Request): void {
  const to = target(request.url);
  const path = to.path;
  if (path == "/hello") {
    text(200, "Hello from assemblyscript\n");
  } else if (path == "/echo") {
    echo(request);
  } else if (path == "/headers") {
    listHeaders(request);
  } else if (path.startsWith("/proxy/")) {
    proxy(request, path, to.query);
  } else if (path == "/stream") {
    stream(parameter(to.query, "n", 100));
  } else if (path == "/geo") {
    geo();
  } else if (path == "/user-agent") {
    userAgent(request);
  } else if (path == "/early-hint") {
    text(501, "no early hints in this SDK\n");
  } else if (path == "/log") {
    Fastly.getLogEndpoint("events").log("hello log");
    console.log("hello stdout");
    console.error("hello stderr");
    text(200, "logged\n");
  } else if (path == "/trap") {
    unreachable();
  } else if (path == "/exit") {
    process.exit(3);
  } else if (path == "/sleep") {
    sleep(parameter(to.query, "ms", 100));
    text(200, "slept\n");
  } else if (path == "/client") {
    text(200, Fastly.getClientIpAddressString() + "\n");
  } else if (path == "/url") {
    url(request);
  } else {
    text(404, "not found\n");
  }
}

serve(Fastly.getClientRequest());
