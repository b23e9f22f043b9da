import { Metrics } from "../cli/telemetry/metrics.ts";
import { LIMIT_NAMES } from "../service/limits.ts";
import { RequestMetrics } from "../service/http/request_metrics.ts";
import { assertEquals, assertStringIncludes } from "./assert.ts";
import { createAuthority } from "./certificates.ts";
import { withFiles } from "./cli/commands.ts";
import { Cli, type CliOptions, CliServer } from "./process.ts";
import { guestUrl } from "./guests/serving.ts";

const PAGE = await Deno.readTextFile(new URL("../docs/production.md", import.meta.url));
const GUEST = await Deno.readFile(guestUrl("rust"));
const PORTS = ["--bind", "localhost:0", "--admin", "localhost:0"];

/** The flags of Deno in the page's command, before the program, and those of fastlike behind it. */
const [PERMISSIONS, FLAGS] = /^deno run ([^`]*?)cli\.ts app\.wasm ([^`]*?)^```/m.exec(PAGE)!
  .slice(1).map((text) => text.replaceAll("\\\n", " ").trim().split(/\s+/)) as [string[], string[]];

/** Deno takes a flag once: the values of two are one list. */
function merged(...flags: string[]): string[] {
  const values = new Map<string, string[]>();
  for (const flag of flags) {
    const [name, value] = flag.split("=");
    values.set(name!, [...values.get(name!) ?? [], ...value ? [value] : []]);
  }
  return Array.from(values, ([name, list]) => list.length ? `${name}=${list.join(",")}` : name);
}

/** Runs the guest with those permissions, asks it for the paths, and ends it. */
async function answers(setting: CliOptions, args: readonly string[], paths: readonly string[]) {
  // Without SSL_CERT_FILE, which this machine may have set.
  const started = new Cli(args, { ...setting, env: { SSL_CERT_FILE: "", ...setting.env } });
  await using _ = started;
  const { url } = await CliServer.of(started);
  const texts = [];
  for (const path of paths) texts.push(await (await fetch(url + path)).text());
  started.signal("SIGTERM");
  const { code, stderr } = await started.end();
  assertEquals(code, 0, stderr);
  return { texts, stderr };
}

Deno.test("the page's command has the permissions that a program with backends needs", async () => {
  await using origin = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("from the origin"),
  );
  const toml = `[local_server.backends.origin]\nurl = "http://127.0.0.1:${origin.addr.port}"`;
  await withFiles({ "app.wasm": GUEST, "fastly.toml": toml }, async (cwd) => {
    const flags = FLAGS.filter((flag) => !/^(--bind|--admin|127\.0\.0\.1:\d+)$/.test(flag));
    assertEquals(flags, ["--trust-proxy", "127.0.0.1", "--warmup", "8"]);
    const { texts, stderr } = await answers(
      { permissions: PERMISSIONS, cwd },
      ["app.wasm", ...PORTS, ...flags],
      ["/hello", "/proxy/a"],
    );
    assertEquals(texts, ["Hello from rust\n", "from the origin"]);
    assertEquals(
      stderr.replace(/:\d+\n/, "\n"),
      "info: Health and metrics are on http://localhost\n",
    );
  });
});

Deno.test("certificates, kept stores and log files take the permissions that the page names", async () => {
  const authority = await createAuthority();
  const identity = await authority.issue(["localhost", "ip:127.0.0.1"]);
  await using origin = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {}, ...identity },
    () => new Response("over TLS"),
  );
  const toml = `[local_server.backends.origin]
    url = "https://127.0.0.1:${origin.addr.port}"
    ca_certificate = { file = "ca.pem" }
    [local_server.log_endpoints.access]
    file = "access.log"`;
  const files = { "app.wasm": GUEST, "fastly.toml": toml, "ca.pem": authority.ca };
  await withFiles(files, async (cwd) => {
    const permissions = merged(
      ...PERMISSIONS,
      "--allow-read=ca.pem,stores",
      "--allow-write=stores,access.log",
    );
    const args = ["app.wasm", ...PORTS, "--persist", "stores"];
    const { texts, stderr } = await answers({ permissions, cwd }, args, ["/proxy/a"]);
    assertEquals(texts, ["over TLS"], stderr);
  });
});

Deno.test("a missing permission is named", async () => {
  await withFiles({ "app.wasm": GUEST }, async (cwd) => {
    const permissions = PERMISSIONS.map((flag) => flag.replace("app.wasm", "other.wasm"));
    await using cli = new Cli(["app.wasm", ...PORTS], { permissions, cwd });
    const { code, stderr } = await cli.end();
    assertEquals(code, 1);
    assertStringIncludes(stderr, 'Requires read access to "');
  });
});

Deno.test("the page has every metric, with its kind and its labels, and no other", () => {
  const metrics = new Metrics();
  const ofRequest = Object.assign(new RequestMetrics(), { cache: ["hit"] });
  metrics.end({
    method: "GET",
    target: "/",
    client: "127.0.0.1",
    status: 200,
    millis: 1,
    bytes: 1,
    whole: true,
    metrics: ofRequest,
  });
  metrics.logged({ kind: "stdout", requestId: "", message: "" });
  metrics.logged({ kind: "host", level: "info", message: "" });
  const text = metrics.render({
    instances: { live: 1, idle: 1, parked: 0, max: 1 },
    queued: 0,
    traps: 0,
    limits: { memory: 1 },
    backends: { origin: { requests: 0, failures: 0 } },
  }, 0);
  const told = Array.from(
    text.matchAll(/^# TYPE (\S+) (\S+)\n(.*)/gm),
    ([, name, kind, sample]) => {
      const labels = Array.from(sample!.matchAll(/([a-z0-9]+)="/g), ([, label]) => label!);
      return [name!, kind!, labels.filter((label) => label !== "le").join(" ")];
    },
  );
  const rows = PAGE.split("\n").filter((line) => /^\| `(fastlike|process)_/.test(line));
  const shown = rows.map((row) => {
    const [, name, kind, labels] = row.split("|").map((cell) => cell.replace(/[`,]/g, "").trim());
    return [name!, kind!, labels!];
  });
  assertEquals(shown.sort(), told.sort());
});

Deno.test("the unit's command is the page's own", () => {
  const unit = /^ExecStart=([^]*?)\n\w+=/m.exec(PAGE)![1]!.replaceAll("\\\n", " ");
  for (const flag of [...PERMISSIONS, "--trust-proxy 127.0.0.1", "--warmup 8"]) {
    assertStringIncludes(unit.replace(/\s+/g, " "), flag);
  }
});

Deno.test("limits.md has the scope and the exceptions of every limit", async () => {
  const page = await Deno.readTextFile(new URL("../docs/limits.md", import.meta.url));
  const [, table] = /^\| limit +\| covers +\|.*\n((?:\|.*\n)+)/m.exec(page)!;
  const rows = table!.trim().split("\n").slice(1).map((row) => row.split("|").slice(1, -1));
  assertEquals(rows.map(([name]) => name!.trim()), LIMIT_NAMES.map((name) => `\`${name}\``));
  for (const [name, ...texts] of rows) {
    assertEquals(texts.map((text) => text.trim() !== ""), [true, true], name!);
  }
});
