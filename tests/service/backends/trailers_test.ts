import { HeaderList } from "../../../service/http/headers.ts";
import { httpTransport } from "../../../service/backends/http_transport.ts";
import { assertEquals } from "../../assert.ts";
import { clearOrigin } from "./http2_origins.ts";
import { against, failureOf, OK, post, request, sourceFrom, textOf } from "./origins.ts";

const TRAILER = ["Trailer", "x-one, x-two"] as const;

for (const method of ["GET", "POST", "PURGE"]) {
  for (const body of ["", "whole"]) {
    Deno.test(`a Trailer field of a ${method} with ${body ? "a" : "no"} body goes out`, async () => {
      let message = "";
      await against(async (wire) => {
        message = await wire.head() + (body && await wire.until(body));
        await wire.write(OK);
      }, async (transport) => {
        const headers = ["A", "1", ...TRAILER, "B", "2"];
        const { response } = transport.send(request({ method, headers, body }));
        assertEquals(await textOf(await response), "ok");
      });
      assertEquals(message.match(/^Trailer: .*$/gim), ["Trailer: x-one, x-two"]);
      assertEquals(message.match(/^[AB]: .*$/gm), ["A: 1", "B: 2"]);
      assertEquals(message.endsWith(`\r\n\r\n${body}`), true);
    });
  }
}

Deno.test("a Trailer field goes out with a streamed body of known length", async () => {
  await against(async (wire) => {
    assertEquals(/^Trailer: a$/m.test(await wire.head()), true);
    await wire.until("hello");
    await wire.write(OK);
  }, async (transport) => {
    const body = sourceFrom(async function* () {
      yield "hello";
    }());
    const sent = post(5, body);
    sent.headers.append("Trailer", "a");
    assertEquals(await textOf(await transport.send(sent).response), "ok");
  });
});

for (const declared of [true, false]) {
  const what = declared ? "declared" : "not declared";
  Deno.test(`trailers that are ${what} go out`, async () => {
    let message = "";
    await against(async (wire) => {
      message = await wire.head() + await wire.until("0\r\n") + await wire.head();
      await wire.write(OK);
    }, async (transport) => {
      const body = sourceFrom(async function* () {
        yield "hello";
        const framing = ["Content-Length", "9", "transfer-encoding", "x"]; // RFC 9110, section 6.5.1
        return new HeaderList(["X-One", "1", ...framing, "X-Two", "2", "x-one", "3"]);
      }());
      const headers = declared ? TRAILER : [];
      const sent = request({ method: "POST", headers, body });
      assertEquals(await textOf(await transport.send(sent).response), "ok");
    });
    assertEquals(message.includes("Trailer: x-one, x-two\r\n"), declared);
    assertEquals(
      message.endsWith("5\r\nhello\r\n0\r\nX-One: 1\r\nX-Two: 2\r\nx-one: 3\r\n\r\n"),
      true,
    );
  });

  for (const pieces of ["at once", "piece by piece"]) {
    Deno.test(`trailers of a response that are ${what} and come ${pieces} come in`, async () => {
      const parts = [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" +
        (declared ? "Trailer: x-one\r\n" : "") + "\r\n",
        "2\r\nok\r\n",
        "0\r\nX-One: 1\r\nx-one: 2\r\n\r\n",
      ];
      const more = Promise.withResolvers<void>();
      await against(async (wire) => {
        await wire.head();
        if (pieces === "at once") return wire.write(parts.join(""));
        await wire.write(parts[0]!);
        await more.promise;
        for (const part of parts.slice(1)) await wire.write(part);
      }, async (transport) => {
        const response = await transport.send(request()).response;
        more.resolve();
        assertEquals(response.headers.has("trailer"), declared);
        assertEquals(await textOf(response), "ok");
        const trailers = "trailers" in response.body ? response.body.trailers : undefined;
        assertEquals(trailers?.raw, ["X-One", "1", "x-one", "2"]);
      });
    });
  }
}

Deno.test("a Trailer field and trailers go both ways in HTTP/2", async () => {
  const origin = await clearOrigin((stream, headers) => {
    stream.on("trailers", (trailers) => {
      stream.respond({ ":status": 200, trailer: headers.trailer }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-two": trailers["x-one"] }));
      stream.end("ok");
    });
    stream.resume();
  });
  const transport = httpTransport({ url: origin.url, grpc: true });
  const body = sourceFrom(async function* () {
    yield "hello";
    return new HeaderList(["X-One", "1", "Connection", "x", "Keep-Alive", "1"]);
  }());
  const headers = ["Trailer", "x-one"];
  const response = await transport.send(request({ method: "POST", headers, body })).response;
  assertEquals(response.headers.get("trailer"), "x-one");
  assertEquals(await textOf(response), "ok");
  assertEquals("trailers" in response.body && response.body.trailers?.raw, ["x-two", "1"]);
  transport.close();
  await origin.close();
});

Deno.test("trailers that HTTP/2 cannot carry fail their request", async () => {
  const origin = await clearOrigin((stream) => stream.resume());
  const transport = httpTransport({ url: origin.url, grpc: true });
  const body = sourceFrom(async function* () {
    yield "hello";
    return new HeaderList(["Content-Type", "a", "Content-Type", "b"]);
  }());
  const { response } = transport.send(request({ method: "POST", body }));
  assertEquals(await failureOf(() => response), "connection_terminated");
  transport.close();
  await origin.close();
});
