import { SendError } from "../../service/errors.ts";
import { assert, assertEquals } from "../assert.ts";
import { bench, BUF, FINISHED, INVALID_HANDLE, OUT, OUT2, turn, XqdStatus } from "./_bench.ts";
import { declaredCalls, knownCalls } from "./_matrix.ts";
import { Origin } from "./_origins.ts";

const { ok, error, inval, badf, buflen, none } = XqdStatus;

Deno.test("the call with a time to live, of seven words, sends", async () => {
  using b = bench({ backends: { origin: () => new Response("hi", { status: 201 }) } });
  const request = await b.got("env", "xqd_req_new");
  const body = await b.got("env", "xqd_body_new");
  assertEquals(await b.call("env", "xqd_req_send", request, body, "origin", 60, OUT, OUT + 4), ok);
  assertEquals(await b.drain(b.memory.u32(OUT + 4)), "hi");
  assertEquals(b.now("env", "xqd_resp_status_get", b.memory.u32(OUT), OUT), badf);
});

Deno.test("the call of today, of six words, sends too", async () => {
  using b = bench({ backends: { origin: () => new Response("hi") } });
  const request = await b.got("env", "xqd_req_new");
  const body = await b.body();
  assertEquals(await b.call("env", "xqd_req_send", request, body, "origin", OUT, OUT + 4), ok);
  assertEquals(await b.drain(b.memory.u32(OUT + 4)), "hi");
});

Deno.test("send_downstream of two words does not stream", async () => {
  using b = bench();
  const response = await b.got("env", "xqd_resp_new");
  const body = await b.body("done");
  assertEquals(b.now("env", "xqd_resp_send_downstream", response, body), ok);
  assertEquals(await b.exchange.responseText(), "done");
});

Deno.test("a poll of a failed request is done, with no handles", async () => {
  const origin = new Origin();
  using b = bench({ backends: { origin: origin.handler } });
  const [request, body] = [await b.request(), await b.body()];
  const pending = await b.got("env", "xqd_req_send_async", request, body, "origin");
  const poll = async () => {
    const status = await b.call("env", "xqd_pending_req_poll", pending, OUT, OUT + 4, OUT + 8);
    return [status, ...[0, 4, 8].map((at) => b.memory.u32(OUT + at))];
  };
  await turn();
  assertEquals(await poll(), [ok, 0, INVALID_HANDLE, INVALID_HANDLE]);
  origin.fail(new SendError("connection_refused", "Cannot connect"));
  await turn();
  assertEquals(await poll(), [ok, 1, INVALID_HANDLE, INVALID_HANDLE]);
  assertEquals((await poll())[0], badf);
});

Deno.test("a poll of an answered request gives its handles", async () => {
  using b = bench({ backends: { origin: () => new Response("hi") } });
  const [request, body] = [await b.request(), await b.body()];
  const pending = await b.got("env", "xqd_req_send_async", request, body, "origin");
  await turn();
  assertEquals(b.now("env", "xqd_pending_req_poll", pending, OUT, OUT + 4, OUT + 8), ok);
  assertEquals(await b.drain(b.memory.u32(OUT + 8)), "hi");
});

Deno.test("None becomes Inval, and Again becomes Error", async () => {
  using b = bench();
  assertEquals((await b.read("env", "xqd_req_downstream_tls_protocol", [])).status, inval);
  const body = await b.body("unread");
  assertEquals((await b.page("env", "xqd_body_trailer_names_get", [body])).status, error);
  assertEquals(
    b.now("env", "xqd_resp_get_addr_dest_port", await b.got("env", "xqd_resp_new"), OUT),
    inval,
  );
});

Deno.test("statuses that guests of 2020 know are unchanged", async () => {
  using b = bench();
  const request = await b.got("env", "xqd_req_new");
  assertEquals(await b.read("env", "xqd_req_method_get", [request], 2), {
    status: buflen,
    text: "",
    length: 3,
  });
  assertEquals((await b.read("env", "xqd_req_header_value_get", [request, "x"])).status, inval);
  assertEquals(b.now("env", "xqd_req_close", 999), badf);
});

Deno.test("every name of old is there whose call of today is", () => {
  const today = new Set(declaredCalls.map(({ module, name }) => `${module}.${name}`));
  const old = knownCalls.filter(({ module }) => module === "env" || module === "fastly");
  assertEquals(old.length, 112);
  const missing = old.filter(({ module, name, alias }) =>
    !today.has(`${module}.${name}`) && (alias === undefined || today.has(alias))
  );
  assertEquals(missing.map(({ name }) => name), []);
});

Deno.test("a status that comes late is one that guests of 2020 know, too", async () => {
  using b = bench({ limits: { sandbox_requests: 1 } });
  const response = await b.got("fastly_http_resp", "new");
  assertEquals(b.now("env", "xqd_resp_send_downstream", response, await b.body(), 0), ok);
  const module = "fastly_http_downstream";
  const next = () => b.got(module, "next_request", 0, 0);
  assertEquals(await b.call(module, "next_request_wait", await next(), OUT, OUT2), none);
  const late = b.call("env", "xqd_http_downstream_next_request_wait", await next(), OUT, OUT2);
  assert(late instanceof Promise);
  assertEquals(await late, inval);
});

Deno.test("original header names and client facts need no handle", async () => {
  using b = bench({}, { headers: ["Host", "h", "X-A", "1"], client: { address: "192.0.2.7" } });
  const names = await b.page("env", "xqd_req_original_header_names_get", []);
  assertEquals(names, { status: ok, values: ["Host", "X-A"], length: 9, next: FINISHED });
  assertEquals(await b.got("env", "xqd_req_original_header_count"), 2);
  assertEquals(b.now("env", "xqd_req_downstream_client_ip_addr", BUF, OUT), ok);
  assertEquals([...b.memory.bytes(BUF, 4)], [192, 0, 2, 7]);
});

Deno.test("close_downstream is close", async () => {
  using b = bench();
  const body = await b.body();
  assertEquals(b.now("env", "xqd_body_close_downstream", body), ok);
  assertEquals(b.now("env", "xqd_body_close", body), badf);
});

Deno.test("the program starts under its three names", () => {
  using b = bench();
  for (
    const [module, name] of [["env", "xqd_init"], ["fastly", "init"], [
      "fastly_abi",
      "init",
    ]] as const
  ) {
    assertEquals(b.now(module, name, 1n), ok);
    assertEquals(b.now(module, name, 2n), error);
  }
});

Deno.test("geo look-ups are requests to the backend geolocation", async () => {
  using b = bench({ geo: (ip) => ip === "192.0.2.1" ? { city: "Here" } : undefined });
  const lookup = async (ip: string) => {
    const request = await b.got("env", "xqd_req_new");
    assertEquals(
      b.now("env", "xqd_req_header_insert", request, "Fastly-XQD-API", "geolocation"),
      ok,
    );
    assertEquals(b.now("env", "xqd_req_header_insert", request, "Fastly-XQD-arg1", ip), ok);
    const body = await b.body();
    assertEquals(
      await b.call("env", "xqd_req_send", request, body, "geolocation", OUT, OUT + 4),
      ok,
    );
    return JSON.parse(await b.drain(b.memory.u32(OUT + 4)));
  };
  assertEquals(await lookup("192.0.2.1"), { city: "Here" });
  assertEquals((await lookup("192.0.2.2")).as_name, "fastlike");
});

Deno.test("geo look-ups of AssemblyScript go by their URL, whatever the backend is named", async () => {
  using b = bench({ geo: () => ({ city: "Here" }) });
  const request = await b.request("http://www.fastly.com/geolocation");
  b.now("fastly_http_req", "header_insert", request, "Fastly-XQD-API", "geolocation");
  b.now("fastly_http_req", "header_insert", request, "Fastly-XQD-arg1", "192.0.2.1");
  const body = await b.body();
  assertEquals(
    await b.call("fastly_http_req", "send", request, body, "TheOrigin", OUT, OUT + 4),
    ok,
  );
  assertEquals(await b.drain(b.memory.u32(OUT + 4)), '{"city":"Here"}');
});
