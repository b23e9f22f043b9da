/** The example of docs/scale.md as plain processes, and its container files as texts. */
import { parse, parseAll } from "npm:deno-std@1.4.0/yaml/parse.js";
import { parse as parseFlags } from "../cli/flags/args.ts";
import { assert, assertEquals, assertMatch } from "./assert.ts";
import { ROOT } from "./cli/commands.ts";
import { freePort, redisTest, startRedis } from "./drivers/redis/_redis.ts";
import { type CliServer, serveRust } from "./process.ts";

const read = (name: string) => Deno.readTextFile(`${ROOT}/examples/scale/${name}`);
const PAGE = await Deno.readTextFile(`${ROOT}/docs/scale.md`);

/** Whether nginx is installed here. CI installs it. */
const hasNginx = await new Deno.Command("nginx", { args: ["-v"], stderr: "null" }).output()
  .then(({ success }) => success, () => false);

/** The file of the store's settings, without port and address. */
async function settingsOf(file: string): Promise<Record<string, string>> {
  const lines = (await read(file)).split("\n").filter((line) => line && !line.startsWith("#"));
  const pairs = lines.map((line) => [line.split(" ")[0]!, line.slice(line.indexOf(" ") + 1)]);
  const { port: _, bind: __, ...settings } = Object.fromEntries(pairs);
  return settings;
}

/** The proxy of the example in front of hosts. */
async function startProxy(hosts: readonly CliServer[]) {
  const folder = await Deno.makeTempDir();
  let text = await read("nginx.conf");
  for (const [i, { url }] of hosts.entries()) {
    text = text.replace(`127.0.0.1:500${i + 1}`, url.slice("http://".length));
  }
  const port = freePort();
  text = text.replace("127.0.0.1:8080", `127.0.0.1:${port}`);
  await Deno.writeTextFile(`${folder}/nginx.conf`, text);
  const child = new Deno.Command("nginx", {
    args: ["-p", folder, "-c", "nginx.conf"],
    stderr: "null",
  }).spawn();
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    const answer = await fetch(`${url}/hello`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer) break;
    await pause();
  }
  return {
    async ask(path: string, init?: RequestInit) {
      const response = await fetch(url + path, init);
      return { status: response.status, text: await response.text() };
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50));
}

async function startExample() {
  await using made = new AsyncDisposableStack();
  const store = made.use(await startRedis({ settings: await settingsOf("redis.conf") }));
  const flags = ["-C", `${ROOT}/examples/scale/fastly.toml`];
  const env = { STORE_URL: store.url };
  const hosts = [
    made.use(await serveRust(flags, { env })),
    made.use(await serveRust(flags, { env })),
  ];
  const proxy = made.use(await startProxy(hosts));
  const moved = made.move();
  return { store, hosts, proxy, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

const left = hasNginx ? "" : " (left out: apt-get install nginx-light)";
const exampleTest: typeof redisTest = hasNginx
  ? redisTest
  : (name, fn) => Deno.test({ name: name + left, ignore: true, fn });

exampleTest(
  "the example serves: two hosts share stores behind the proxy, and one may die",
  async () => {
    await using example = await startExample();
    const { hosts, proxy, store } = example;
    assertEquals((await proxy.ask("/kv/get?key=greeting")).text, "hello");
    await askAsShown(example);
    assertEquals((await proxy.ask("/kv/put?key=a", { method: "PUT", body: "1" })).status, 200);
    for (const host of hosts) assertEquals((await host.ask("/kv/get?key=a")).text, "1");
    for (let i = 0; i < 10; i++) await proxy.ask("/rate/count?entry=e&delta=1");
    for (const host of hosts) assertMatch((await host.ask("/rate/count?entry=e")).text, / 10\n?$/);
    const init = { method: "POST", body: "cached" };
    assertEquals((await proxy.ask("/cache/insert?key=c&keys=x", init)).text, "stored\n");
    for (let i = 0; i < 4; i++) {
      assertEquals((await proxy.ask("/cache/lookup?key=c")).text, "cached");
    }
    assertEquals((await proxy.ask("/cache/purge?key=x")).text, "purged\n");
    for (const host of hosts) {
      assertEquals((await host.ask("/cache/lookup?key=c")).text, "absent\n");
    }
    hosts[0]!.cli.signal("SIGKILL");
    for (let i = 0; i < 10; i++) assertEquals((await proxy.ask("/kv/get?key=a")).text, "1");
    store.kill("SIGKILL");
    assert((await proxy.ask("/kv/get?key=a")).status >= 500);
    assertEquals((await proxy.ask("/hello")).text, "Hello from rust\n");
    await store.restart();
    while ((await proxy.ask("/kv/get?key=a")).status !== 200) await pause();
    assertEquals((await proxy.ask("/kv/get?key=a")).text, "1");
  },
);

/** Sends the requests of the page, to the proxy and then to the second host. */
async function askAsShown({ proxy, hosts }: Awaited<ReturnType<typeof startExample>>) {
  const [, shown] = /^```console\n(.*?)^```$/ms.exec(PAGE)!;
  const [put, stored, get, value] = shown!.trim().split("\n");
  const [, body, path] = /^\$ curl -X PUT --data '(.*)' '127\.0\.0\.1:8080(.*)'$/.exec(put!)!;
  assertEquals((await proxy.ask(path!, { method: "PUT", body: body! })).text, `${stored}\n`);
  const [, asked] = /^\$ curl '127\.0\.0\.1:5002(.*)'$/.exec(get!)!;
  assertEquals((await hosts[1]!.ask(asked!)).text, value);
}

Deno.test("the page's commands are those of the example's files", async () => {
  const [, commands] = /```sh\n(redis-server .*?)```/s.exec(PAGE) ?? [];
  const lines = commands!.trim().split("\n");
  assertEquals(lines[0], "redis-server examples/scale/redis.conf");
  assertEquals(lines[1], `export STORE_URL=redis://127.0.0.1:${await portOf("redis.conf")}`);
  const nginx = await read("nginx.conf");
  for (const line of lines.slice(2, 4)) {
    const { bind } = served(line.split(" ").slice(4));
    assert(nginx.includes(`server ${bind}`), line);
  }
  assertMatch(lines[4]!, /^nginx -p \/tmp -c \$PWD\/examples\/scale\/nginx.conf$/);
});

async function portOf(file: string): Promise<string> {
  return /^port (\d+)$/m.exec(await read(file))![1]!;
}

/** Returns the fields of a command line, which must be valid. */
function served(args: readonly string[]): { readonly bind: string; readonly admin?: string } {
  const command = parseFlags(args);
  assert(command.kind === "serve", "it serves");
  const shown = ({ hostname, port }: { hostname: string; port: number }) => `${hostname}:${port}`;
  return {
    bind: shown(command.bind),
    ...command.admin && { admin: shown(command.admin) },
  };
}

/** Resource of Kubernetes, or service of a compose file; the tests assert the keys that they read. */
// deno-lint-ignore no-explicit-any
type Tree = any;

async function dockerCommand(): Promise<string[]> {
  const [, command] = /^CMD (\[.*\])$/m.exec(await read("Dockerfile"))!;
  return JSON.parse(command!);
}

Deno.test("the image's command serves, and its files are there", async () => {
  const command = await dockerCommand();
  assertEquals(served(command), { bind: ":5000", admin: ":15000" });
  await Deno.stat(`${ROOT}/${command[0]}`);
  await Deno.stat(`${ROOT}/${command[command.indexOf("-C") + 1]}`);
  const text = await read("Dockerfile");
  assert(text.includes("deno@2.9.6") && text.includes("EXPOSE 5000 15000"));
});

Deno.test("the compose file has two hosts over a store that loses nothing, and a proxy", async () => {
  const { services, volumes } = parse(await read("compose.yaml")) as Tree;
  const { store, host, proxy } = services;
  assertEquals(host.deploy.replicas, 2);
  assertEquals(host.depends_on.store.condition, "service_healthy");
  assert(store.healthcheck.test.length > 0);
  assertEquals(host.environment.STORE_URL, `redis://store:${await portOf("redis.conf")}`);
  assert("FASTLIKE_STORE_PASSWORD" in host.environment);
  await Deno.stat(`${ROOT}/examples/scale/${host.build.context}/${host.build.dockerfile}`);
  const { bind } = served(await dockerCommand());
  assert(proxy.command.includes(`host${bind}`));
  assert(store.volumes[0].split(":")[0] in volumes);
  checkStore(store.command.slice(1), await settingsOf("redis.conf"));
});

/** The store's arguments are the settings of the example as plain processes. */
function checkStore(args: readonly string[], settings: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(settings)) {
    const at = args.indexOf(`--${name}`);
    assert(at >= 0, `--${name}`);
    assertEquals(args[at + 1], value === '""' ? "" : value);
  }
}

Deno.test("the manifests' labels, ports, probes, budgets and metrics fit to each other and to the host", async () => {
  const resources = parseAll(await read("kubernetes.yaml")) as Tree[];
  const of = (kind: string, name: string): Tree =>
    resources.find((one) => one.kind === kind && one.metadata.name === name);
  const deployment = of("Deployment", "host");
  const { template, selector, replicas } = deployment.spec;
  const [container] = template.spec.containers;
  const { bind, admin } = served(await dockerCommand());
  const ports = Object.fromEntries(
    container.ports.map(({ name, containerPort }: Tree) => [name, `:${containerPort}`]),
  );
  assertEquals(ports, { http: bind, admin });
  assertEquals(selector.matchLabels, template.metadata.labels);
  for (
    const [kind, at] of [["Service", "selector"], ["PodDisruptionBudget", "selector"]] as const
  ) {
    const labels = of(kind, "host").spec[at];
    assertEquals(labels.matchLabels ?? labels, template.metadata.labels, kind);
  }
  assertEquals(of("Service", "host").spec.ports[0].targetPort, "http");
  for (const probe of ["readinessProbe", "startupProbe"]) {
    assertEquals(container[probe].httpGet, { path: "/healthz", port: "admin" });
  }
  assertEquals(container.livenessProbe.tcpSocket, { port: "admin" });
  assert(of("PodDisruptionBudget", "host").spec.minAvailable < replicas);
  const pause = Number(container.lifecycle.preStop.exec.command[1]);
  assert(template.spec.terminationGracePeriodSeconds > pause + 5, "a drain takes 5 seconds");
  const { scaleTargetRef, minReplicas, metrics } = of("HorizontalPodAutoscaler", "host").spec;
  assertEquals([scaleTargetRef.kind, scaleTargetRef.name, minReplicas], ["Deployment", "host", 2]);
  const production = await Deno.readTextFile(`${ROOT}/docs/production.md`);
  assert(production.includes(`\`${metrics[0].pods.metric.name}\``), "the host has the metric");
  const store = of("StatefulSet", "store").spec;
  const url = container.env.find(({ name }: Tree) => name === "STORE_URL").value;
  assertEquals(url, `redis://store:${await portOf("redis.conf")}`);
  assertEquals(of("Service", "store").spec.selector, store.template.metadata.labels);
  checkStore(store.template.spec.containers[0].args, await settingsOf("redis.conf"));
});
