import type { FastlikeOptions } from "../../mod.ts";
import { assertEquals, assertStringIncludes } from "../assert.ts";
import { createAuthority, type Identity } from "../certificates.ts";
import { clearOrigin, secureOrigin } from "../service/backends/http2_origins.ts";
import { OK, rawOrigin } from "../service/backends/origins.ts";
import { fetchRaw, valuesOf } from "./http.ts";
import { serveGuest, startOrigin, testGuest } from "./serving.ts";

const authority = await createAuthority();
const identity = await authority.issue(["ip:127.0.0.1"]);
const client = await authority.issue(["client.test"]);

/** Guest with the certificates and keys for TLS in its stores. */
function serveTls(shown: Identity = client, options: FastlikeOptions = {}) {
  return serveGuest("rust", {
    configStores: { tls: { ca: authority.ca, certificate: shown.cert } },
    secretStores: { tls: { key: shown.key } },
    // Each request asks the same URL of another backend under the same name.
    cache: false,
    ...options,
  });
}

/** An origin over TLS that answers with the name in the client's certificate. */
function askingOrigin(requestCert: boolean) {
  const certificates = { ...identity, ca: authority.ca, requestCert, rejectUnauthorized: true };
  return secureOrigin((stream) => {
    const socket = stream.session?.socket as unknown as {
      getPeerCertificate(): { subject?: { CN: string } };
    };
    const { subject } = requestCert ? socket.getPeerCertificate() : {};
    stream.respond({ ":status": 200 });
    stream.end(`${subject?.CN ?? "nobody"}\n`);
  }, certificates);
}

testGuest("rust", "a dynamic backend trusts the authority that it names", async () => {
  await using served = await serveTls();
  const origin = await askingOrigin(false);
  const target = `target=${new URL(origin.url).host}`;
  const { status, body } = await fetchRaw(served.port, `/dynamic-tls?${target}&ca`);
  assertEquals([status, body], [200, "HTTP/2.0 nobody\n"]);
  const distrusted = await fetchRaw(served.port, `/dynamic-tls?${target}`);
  assertEquals(distrusted.status, 502);
  assertStringIncludes(distrusted.body, "TlsCertificateError");
  const other = await fetchRaw(served.port, `/dynamic-tls?${target}&ca&host=other.test`);
  assertStringIncludes(other.body, "TlsCertificateError");
  await origin.close();
});

testGuest("rust", "a dynamic backend without one trusts those of the service", async () => {
  await using served = await serveTls(client, { ca: authority.ca });
  const origin = await askingOrigin(false);
  const target = `target=${new URL(origin.url).host}`;
  const { body } = await fetchRaw(served.port, `/dynamic-tls?${target}`);
  assertEquals(body, "HTTP/2.0 nobody\n");
  await origin.close();
});

testGuest(
  "rust",
  "a dynamic backend shows a certificate with a key from a secret store",
  async () => {
    const origin = await askingOrigin(true);
    const target = `target=${new URL(origin.url).host}`;
    {
      await using served = await serveTls();
      const { body } = await fetchRaw(served.port, `/dynamic-tls?${target}&ca&client`);
      assertEquals(body, "HTTP/2.0 client.test\n");
      const none = await fetchRaw(served.port, `/dynamic-tls?${target}&ca`);
      assertStringIncludes(none.body, "TlsAlertReceived");
    }
    await using served = await serveTls({ cert: "no PEM", key: "no PEM" });
    const wrong = await fetchRaw(served.port, `/dynamic-tls?${target}&ca&client`);
    assertEquals(wrong.status, 502, "the failure comes with the send");
    assertStringIncludes(wrong.body, "TlsConfigurationError");
    await origin.close();
  },
);

testGuest("rust", "gRPC goes out in HTTP/2, with trailers both ways", async () => {
  await using served = await serveGuest("rust");
  const origin = await clearOrigin((stream, headers) => {
    let text = `${headers[":method"]} ${headers[":path"]} ${headers.te} `;
    let checksum: unknown;
    stream.on("data", (chunk) => text += chunk);
    stream.on("trailers", (trailers) => checksum = trailers["x-checksum"]);
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, {
      waitForTrailers: true,
    });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.on("end", () => stream.end(`${text} ${checksum}`));
  });
  const target = `target=${new URL(origin.url).host}`;
  for (let i = 0; i < 3; i++) {
    const { body } = await fetchRaw(served.port, `/dynamic-grpc?${target}`);
    assertEquals(
      body,
      `HTTP/2.0 POST /service/method trailers message 7 Some("\\"0\\"")\n`,
    );
  }
  assertEquals(origin.connections(), 1, "guests with the same settings share connections");
  await origin.close();
});

testGuest("rust", "gRPC to a backend that resets tells the SDK the code", async () => {
  await using served = await serveGuest("rust");
  const origin = await clearOrigin((stream) => stream.close(11));
  const { body } = await fetchRaw(
    served.port,
    `/dynamic-grpc?target=${new URL(origin.url).host}`,
  );
  assertEquals(body, "Http2StreamError { frame_type: 3, error_code: 11 }\n");
  await origin.close();
});

testGuest("rust", "the SDK reads back the values that it has set", async () => {
  await using served = await serveGuest("rust");
  const { body } = await fetchRaw(served.port, "/dynamic-settings?target=origin.test");
  assertEquals(body, `Some("override.test") 1ms 2ms 3ms 4ms true 5s 6 7s\n`);
});

testGuest("rust", "the SDK reads the platform's defaults where nothing is set", async () => {
  await using served = await serveGuest("rust");
  const { body } = await fetchRaw(served.port, "/dynamic-defaults?target=origin.test");
  assertEquals(body, "None 1s 15s 10s 600s true 10s 3 300s\n");
});

testGuest("rust", "the health of a dynamic backend is that of its probes", async () => {
  await using served = await serveGuest("rust");
  const origin = rawOrigin(async (wire) => {
    await wire.head();
    await wire.write(OK);
  });
  const path = `/dynamic-health?target=${new URL(origin.url).host}&initial=`;
  assertEquals((await fetchRaw(served.port, `${path}3`)).body, "Some(Healthy)\n");
  assertEquals((await fetchRaw(served.port, `${path}2`)).body, "Some(Unhealthy)\n");
  await served.logged((entry) =>
    entry.kind === "host" && entry.message.startsWith(`Backend "dynamic" is healthy`)
  );
  assertEquals((await fetchRaw(served.port, `${path}2`)).body, "Some(Healthy)\n");
  await origin.close();
});

testGuest("rust", "the backends of the options are probed from the start", async () => {
  const origin = rawOrigin(async (wire) => void await wire.head());
  const healthcheck = { interval: 10, window: 1, threshold: 1, initial: 1 };
  await using served = await serveGuest("rust", {
    backends: { origin: { url: origin.url, healthcheck } },
  });
  const { kind, ...entry } = await served.logged(({ kind }) => kind === "host");
  assertEquals(kind, "host");
  assertEquals(entry, {
    level: "warning",
    message: `Backend "origin" is unhealthy: 0 of its last 1 probes were good, 1 have to be ` +
      `(Cannot connect to ${origin.url}: the connection was closed)`,
  });
  await served.app[Symbol.asyncDispose]();
  await origin.close();
});

testGuest(
  "javascript",
  "a backend that the SDK defines at run time reaches its target",
  async () => {
    await using origin = await startOrigin((request, response) =>
      response.end(`asked ${request.headers.host}`)
    );
    await using served = await serveGuest("javascript", { backends: { taken: origin.url } });
    const at = (query: string) =>
      fetchRaw(served.port, `/dynamic?target=127.0.0.1:${origin.port}${query}`);
    const answer = await at("");
    assertEquals([answer.status, answer.body], [200, "asked dynamic.test"]);
    assertEquals(valuesOf(answer, "x-settings"), ["true dynamic.test 1000"]);
    assertEquals((await at("&name=taken")).status, 409);
  },
);
