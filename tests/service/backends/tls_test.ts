import { createServer, type Server } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { BackendOptions } from "../../../service/backends/definition.ts";
import type { Transport } from "../../../service/backends/transport.ts";
import { SendError } from "../../../service/errors.ts";
import { httpTransport } from "../../../service/backends/http_transport.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../../assert.ts";
import { createAuthority } from "../../certificates.ts";
import { rawOrigin, request, textOf } from "./origins.ts";

type Tls = NonNullable<BackendOptions["tls"]>;

const authority = await createAuthority();
const { ca } = authority;
const identity = await authority.issue(["origin.test", "ip:127.0.0.1"]);
const stranger = await (await createAuthority()).issue(["origin.test", "ip:127.0.0.1"]);

/** An origin that answers with facts of the handshake: SNI, version, client. */
async function secureOrigin(
  options: Parameters<typeof createServer>[0] = {},
): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ ...identity, ...options }, ({ socket }, outgoing) => {
    const tls = socket as TLSSocket & { servername?: string | null };
    const client = options.requestCert ? tls.getPeerCertificate().subject.CN : undefined;
    outgoing.end(JSON.stringify([tls.servername ?? null, tls.getProtocol(), client ?? null]));
  });
  server.on("tlsClientError", () => {});
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert(address && typeof address === "object");
  return {
    port: address.port,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Facts that the origin has seen, or the reason why no request was sent. */
async function shake(
  tls: Tls,
  { host = "127.0.0.1", origin = {} }: {
    host?: string;
    origin?: Parameters<typeof createServer>[0];
  } = {},
): Promise<[sni: string | null, version: string, client: string | null]> {
  const server = await secureOrigin(origin);
  const transport = httpTransport({ url: `https://${host}:${server.port}`, tls });
  try {
    return JSON.parse(await textOf(await transport.send(request()).response));
  } finally {
    transport.close();
    await server.close();
  }
}

function shakeFails(
  tls: Tls,
  options?: Parameters<typeof shake>[1],
): Promise<SendError> {
  return assertRejects(() => shake(tls, options), SendError);
}

Deno.test("a backend's own authority is trusted, as text and as a list", async () => {
  assertEquals(await shake({ ca }), [null, "TLSv1.3", null]);
  assertEquals(await shake({ ca: [stranger.cert, ca] }), [null, "TLSv1.3", null]);
});

Deno.test("connections over TLS are used again", async () => {
  const server = await secureOrigin();
  const transport = httpTransport({ url: `https://127.0.0.1:${server.port}`, tls: { ca } });
  const ports = new Set<number>();
  for (let i = 0; i < 3; i++) {
    const response = await transport.send(request()).response;
    await textOf(response);
    await new Promise((resolve) => setTimeout(resolve));
    ports.add(response.peer?.port ?? 0);
  }
  assertEquals(ports.size, 1);
  transport.close();
  await server.close();
});

Deno.test("a certificate of an unknown authority is a certificate error", async () => {
  const error = await shakeFails({ ca: stranger.cert });
  assertEquals(error.failure, "tls_certificate_error");
  assertEquals((await shakeFails({})).failure, "tls_certificate_error");
});

Deno.test("a certificate for another name is a certificate error", async () => {
  const error = await shakeFails({ ca }, { host: "localhost" });
  assertEquals(error.failure, "tls_certificate_error");
  assertStringIncludes(error.message, "its certificate was not accepted");
});

Deno.test("an expired certificate is a certificate error", async () => {
  const validity = { from: new Date("2020-01-01"), to: new Date("2021-01-01") };
  const expired = await authority.issue(["ip:127.0.0.1"], validity);
  assertEquals((await shakeFails({ ca }, { origin: expired })).failure, "tls_certificate_error");
});

Deno.test("the certificate's name and the name in the handshake may differ", async () => {
  const host = "localhost";
  assertEquals((await shake({ ca, certHost: "origin.test" }, { host }))[0], "localhost");
  assertEquals((await shake({ ca, sni: "origin.test" }, { host }))[0], "origin.test");
  const both = { ca, sni: "other.test", certHost: "origin.test" };
  assertEquals((await shake(both, { host }))[0], "other.test");
  const wrong = { ca, sni: "origin.test", certHost: "other.test" };
  assertEquals((await shakeFails(wrong, { host })).failure, "tls_certificate_error");
});

Deno.test("the handshake may go without a name", async () => {
  const tls = { ca, sni: false, certHost: "origin.test" } as const;
  assertEquals((await shake(tls, { host: "localhost" }))[0], null);
  assertEquals(
    (await shakeFails({ ca, sni: false }, { host: "localhost" })).failure,
    "tls_certificate_error",
  );
});

Deno.test("a refused connection is a failure of its own without a name in the handshake, too", async () => {
  const origin = rawOrigin(() => Promise.resolve());
  await origin.close();
  const url = origin.url.replace("http://127.0.0.1", "https://localhost");
  const { response } = httpTransport({ url, tls: { ca, sni: false } }).send(request());
  assertEquals((await assertRejects(() => response, SendError)).failure, "connection_refused");
});

Deno.test("an address as the handshake's name is left out", async () => {
  assertEquals((await shake({ ca, sni: "127.0.0.1", certHost: "127.0.0.1" }))[0], null);
});

Deno.test("any certificate will do when asked for", async () => {
  assertEquals((await shake({ verify: false, ca }, { origin: stranger }))[1], "TLSv1.3");
  assertEquals((await shake({ verify: false }, { host: "localhost" }))[1], "TLSv1.3");
});

Deno.test("a client certificate is shown", async () => {
  const { cert: certificate, key } = await authority.issue(["client.test"]);
  const origin = { requestCert: true, rejectUnauthorized: true, ca };
  const tls = { ca, clientCertificate: { certificate, key } };
  assertEquals((await shake(tls, { origin }))[2], "client.test");
});

Deno.test("an alert carries its number", async () => {
  const origin = { requestCert: true, rejectUnauthorized: true, ca };
  const error = await shakeFails({ ca }, { origin });
  assertEquals([error.failure, error.tlsAlert], ["tls_alert_received", 116]);
});

Deno.test("versions are limited", async () => {
  assertEquals((await shake({ ca, maxVersion: "1.2" }))[1], "TLSv1.2");
  assertEquals((await shake({ ca, minVersion: "1.3" }))[1], "TLSv1.3");
  assertEquals((await shake({ ca, minVersion: "1.0" }))[1], "TLSv1.3");
  const error = await shakeFails({ ca, minVersion: "1.3" }, { origin: { maxVersion: "TLSv1.2" } });
  assertEquals([error.failure, error.tlsAlert], ["tls_alert_received", 70]);
});

Deno.test("settings that make no sense fail the send, not the construction", async () => {
  const { cert, key } = identity;
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
  const senseless: readonly (readonly [Tls, string])[] = [
    [{ ca: "nonsense" }, "its `ca` is not a certificate in PEM"],
    [{ ca: [] }, "its `ca` is not a certificate in PEM"],
    [{ ca: broken }, "its `ca` cannot be read"],
    [{ ca, ciphers: "NONSENSE" }, "none of its ciphers is known"],
    [{ ca, maxVersion: "1.1" }, "TLS 1.1 is too old"],
    [{ ca, minVersion: "1.3", maxVersion: "1.2" }, "is no version at all"],
    [{ ca, clientCertificate: { certificate: "x", key } }, "its client certificate cannot be read"],
    [{ ca, clientCertificate: { certificate: cert, key: "x" } }, "cannot be read"],
    [{ ca, clientCertificate: { certificate: cert, key: stranger.key } }, "do not belong together"],
  ];
  for (const [tls, message] of senseless) {
    const transport: Transport = httpTransport({ url: "https://127.0.0.1:1", tls });
    const error = await assertRejects(() => transport.send(request()).response, SendError, message);
    assertEquals(error.failure, "tls_configuration_error");
  }
});

Deno.test("an origin that does not speak TLS is a protocol error", async () => {
  const origin = rawOrigin((wire) => wire.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
  const url = origin.url.replace("http", "https");
  const { response } = httpTransport({ url, tls: { ca } }).send(request());
  assertEquals((await assertRejects(() => response, SendError)).failure, "tls_protocol_error");
  await origin.close();
});

Deno.test("a handshake that does not end in time is a connection timeout", async () => {
  const origin = rawOrigin(async (wire) => void await wire.rest());
  const url = origin.url.replace("http", "https");
  const transport = httpTransport({ url, tls: { ca }, timeouts: { connect: 50 } });
  const error = await assertRejects(() => transport.send(request()).response, SendError);
  assertEquals(error.failure, "connection_timeout");
  await origin.close();
});

Deno.test("TLS needs no permission but the network", async () => {
  const module = new URL("../../../service/backends/http_transport.ts", import.meta.url);
  const headers = new URL("../../../service/http/headers.ts", import.meta.url);
  const code = `
    import { httpTransport } from "${module}";
    import { HeaderList } from "${headers}";
    const head = { method: "GET", url: "https://127.0.0.1:1/", target: "/" };
    const request = { ...head, headers: new HeaderList(), body: new Uint8Array() };
    const { response } = httpTransport({ url: "https://127.0.0.1:1" }).send(request);
    console.log(await response.catch((error) => error.failure));`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--no-lock",
      "--allow-net=127.0.0.1",
      `data:text/javascript,${encodeURIComponent(code)}`,
    ],
  }).output();
  assertEquals(
    new TextDecoder().decode(stdout).trim(),
    "connection_refused",
    new TextDecoder().decode(stderr),
  );
});
