import type { BackendDefinition, BackendOptions } from "../../../service/backends/definition.ts";
import { Backends } from "../../../service/backends/backends.ts";
import { findUnreachable } from "../../../service/backends/reachability.ts";
import { assertEquals, assertMatch } from "../../assert.ts";
import { createAuthority } from "../../certificates.ts";
import { clearOrigin, secureOrigin } from "./http2_origins.ts";
import { givenBack, OK, rawOrigin, type Wire } from "./origins.ts";

const SICK = "HTTP/1.1 503 Sick\r\nContent-Length: 0\r\n\r\n";

/** Backends whose changes of health a test can wait for. */
function watched(defined: Record<string, BackendDefinition>) {
  const lines: string[] = [];
  let wake: (() => void) | undefined;
  const backends = new Backends(defined, {
    report(level, message) {
      lines.push(`${level}: ${message}`);
      wake?.();
    },
  });
  backends.startProbes();
  return {
    backends,
    lines,
    health: (name = "origin") => backends.find(name)?.health,
    /** The next line. */
    async line(): Promise<string> {
      while (!lines.length) await new Promise<void>((resolve) => wake = resolve);
      return lines.shift()!;
    },
  };
}

const CHECK = { interval: 5, timeout: 30_000, window: 4, threshold: 3, initial: 3 };

Deno.test("a backend is healthy as long as enough of its latest probes are good", async () => {
  let answer = SICK;
  const heads: string[] = [];
  const origin = rawOrigin(async (wire) => {
    heads.push(await wire.head());
    await wire.write(answer);
  });
  const healthcheck = { ...CHECK, host: "probe.test", path: "/health?q", method: "HEAD" };
  const { backends, health, line } = watched({
    origin: { url: `${origin.url}/prefix`, healthcheck, hostOverride: "other.test" },
  });
  assertEquals(health(), "healthy", "by `initial`");
  const count = "2 of its last 4 probes were good, 3 have to be";
  assertEquals(
    await line(),
    `warning: Backend "origin" is unhealthy: ${count} (it answered with status 503)`,
  );
  assertEquals(health(), "unhealthy");
  answer = OK;
  assertEquals(
    await line(),
    `info: Backend "origin" is healthy: 3 of its last 4 probes were good, 3 have to be`,
  );
  assertEquals(health(), "healthy");
  backends.close();
  await origin.close();
  assertMatch(heads[0]!, /^HEAD \/health\?q HTTP\/1.1\r\nHost: probe.test\r\nConnection: close/);
});

Deno.test("a probe is a connection of its own, and counts by its status only", async () => {
  let probes = 0;
  const many = Promise.withResolvers<void>();
  const origin = rawOrigin(async (wire: Wire) => {
    await wire.head();
    if (++probes === 5) many.resolve();
    await wire.write("HTTP/1.1 204 Fine\r\n\r\n");
  });
  const healthcheck = { ...CHECK, expectedStatus: 204, initial: 0 };
  const { backends, lines, health } = watched({ origin: { url: origin.url, healthcheck } });
  assertEquals(health(), "unhealthy");
  await many.promise;
  assertEquals(origin.connections(), probes);
  assertEquals(health(), "healthy");
  assertEquals(lines.length, 1);
  backends.close();
  await origin.close();
});

const failures: [what: string, handle: (wire: Wire) => Promise<void>, reason: RegExp][] = [
  ["closes", async (wire) => void await wire.head(), /the connection was closed/],
  ["says nothing", async (wire) => void await wire.rest(), /no response head within 500 ms/],
];
for (const [what, handle, reason] of failures) {
  Deno.test(`an origin that ${what} is not healthy`, async () => {
    const origin = rawOrigin(handle);
    const healthcheck = { ...CHECK, timeout: 500, initial: 4 };
    const { backends, line } = watched({ origin: { url: origin.url, healthcheck } });
    assertMatch(await line(), reason);
    backends.close();
    await origin.close();
  });
}

Deno.test("probes go over HTTP/2 to a backend that speaks gRPC", async () => {
  const origin = await clearOrigin((stream) => stream.respond({ ":status": 200 }));
  const options = { url: origin.url, grpc: true, healthcheck: { ...CHECK, initial: 0 } };
  const { backends, line } = watched({ origin: options });
  assertMatch(await line(), /is healthy/);
  backends.close();
  await origin.close();
});

Deno.test("backends with the same options share their probes; each of the others has its own", async () => {
  const go = Promise.withResolvers<void>();
  const origin = rawOrigin(async (wire) => {
    await wire.head();
    await go.promise;
    await wire.write(OK).catch(() => {}); // the client may have left
  });
  const options: BackendOptions = { url: origin.url, healthcheck: { ...CHECK, interval: 60_000 } };
  const { backends } = watched({ one: options, two: { ...options } });
  for (let i = 0; i < 10; i++) backends.make(`dynamic ${i}`, { ...options });
  backends.make("other", { ...options, hostOverride: "other.test" });
  while (origin.connections() < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  go.resolve();
  backends.close();
  await origin.close();
  assertEquals(origin.connections(), 2);
});

Deno.test("without a probe the options decide health; with one they do not", () => {
  const url = "http://127.0.0.1:1";
  const { backends, health } = watched({
    plain: url,
    fixed: { url, health: "unhealthy" },
    both: { url, health: "unhealthy", healthcheck: CHECK },
  });
  assertEquals(["plain", "fixed", "both"].map(health), ["unknown", "unhealthy", "healthy"]);
  backends.close();
});

Deno.test("probes begin on time, or at the first request for health", async () => {
  const origin = rawOrigin(async (wire) => {
    await wire.head();
    await wire.write(OK);
  });
  const healthcheck = { ...CHECK, threshold: 1, initial: 0 };
  const asked = Promise.withResolvers<void>();
  const backends = new Backends({ origin: { url: origin.url, healthcheck } }, {
    report: () => asked.resolve(),
  });
  await givenBack();
  assertEquals(origin.connections(), 0);
  assertEquals(backends.find("origin")?.health, "unhealthy");
  await asked.promise;
  assertEquals(backends.find("origin")?.health, "healthy");
  backends.close();
  await origin.close();
});

Deno.test("probes do not keep a process alive", async () => {
  const origin = rawOrigin(async (wire) => {
    await wire.head();
    await wire.write(OK);
  });
  const module = new URL("../../../service/backends/backends.ts", import.meta.url);
  const healthcheck = JSON.stringify({ ...CHECK, interval: 60_000 });
  const code = `
    import { Backends } from "${module}";
    const backends = new Backends({ origin: { url: "${origin.url}", healthcheck: ${healthcheck} } });
    backends.startProbes();`;
  const { code: status } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-net", `data:text/javascript,${encodeURIComponent(code)}`],
    stderr: "null",
  }).output();
  assertEquals([status, origin.connections()], [0, 1]);
  await origin.close();
});

Deno.test("backends that are down are found with a connection and no request", async () => {
  let received = "";
  const up = rawOrigin(async (wire) => void (received += await wire.rest()));
  const down = rawOrigin(() => Promise.resolve());
  await down.close();
  const lines = await findUnreachable({
    up: up.url,
    down: down.url,
    handler: () => new Response(),
    odd: { url: "no URL" },
  });
  assertEquals(lines, [
    `Requests to backend "down" will fail: cannot connect to ${down.url}: ` +
    "the connection was refused; start it, or correct its url in fastly.toml",
  ]);
  await up.close();
  assertEquals(received, "");
});

Deno.test("backends with TLS are tried with a handshake, and the service's authorities", async () => {
  const { ca, issue } = await createAuthority();
  const secure = await secureOrigin(() => {}, await issue(["ip:127.0.0.1"]));
  const plain = rawOrigin(async (wire) => {
    await wire.until("\n");
    await wire.write("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  const silent = rawOrigin(async (wire) => void await wire.rest());
  const backends = {
    secure: secure.url,
    unverified: { url: secure.url, tls: { verify: false } },
    grpc: { url: secure.url, grpc: true },
    plain: plain.url.replace("http:", "https:"),
    silent: silent.url.replace("http:", "https:"),
  };
  const failing = (lines: string[]) => lines.map((line) => /"(\w+)" will fail: /.exec(line)?.[1]);
  assertEquals(failing(await findUnreachable(backends, ca, 5000)), ["plain", "silent"]);
  const lines = await findUnreachable(backends, undefined, 5000);
  assertEquals(failing(lines), ["secure", "grpc", "plain", "silent"]);
  assertMatch(
    lines[0]!,
    /certificate was not accepted .*; .* ca_certificate.* tls_verify = false$/,
  );
  assertMatch(lines[2]!, /the TLS handshake failed .*; .* its url begins with http:\/\/$/);
  assertMatch(lines[3]!, /did not stand within 5000 ms; start it, /);
  assertEquals(secure.connections(), 6);
  await Promise.all([secure.close(), plain.close(), silent.close()]);
});
