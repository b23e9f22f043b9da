import { INTERFACES } from "../../abi/components/world/mod.ts";
import { componentLoader } from "../../drivers/components.ts";
import type { FastlikeOptions } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { type Served, serveGuest, startOrigin, testGuest } from "./serving.ts";

/** Parts of the calls, a path each, in an order in which none uses another's leftovers. */
const PARTS = [
  "body",
  "downstream",
  "request",
  "send",
  "response",
  "streaming",
  "pending",
  "next",
  "websocket",
  "grip",
  "upgrade",
  "stores",
  "kv",
  "rates",
  "runtime",
  "waiting",
  "backend",
  "dynamic",
  "probe",
  "services",
  "cache",
  "replace",
  "http-cache",
  "http-cache-ends",
] as const;

const FIELD = "a field of a record: the call that takes the record shows it";
const NAMED = "a name in the module's spelling, without a handle";
const ENVIRONMENT = "not among the module's environment variables";

/** Functions that the module's spelling has no call for. */
const COMPONENT_ONLY: Readonly<Record<string, string>> = {
  "cache.[constructor]extra-write-options": FIELD,
  "cache.[constructor]extra-lookup-options": FIELD,
  "cache.[constructor]extra-replace-options": FIELD,
  "http-req.[static]extra-cache-override-details.new": FIELD,
  "http-req.[method]extra-cache-override-details.set-lookup-timeout": FIELD,
  "backend.[constructor]dynamic-backend-options": FIELD,
  "shielding.[constructor]shield-backend-options": FIELD,
  "backend.[static]backend.open": NAMED,
  "backend.[method]backend.clone": NAMED,
  "backend.[method]backend.get-name": NAMED,
  "backend.[static]healthcheck-options.new": FIELD,
  "log.[method]endpoint.clone": "a handle is a number there, and can be copied",
  "erl.[static]rate-counter.open": NAMED,
  "erl.[static]penalty-box.open": NAMED,
  "erl.[method]rate-counter.get-name": NAMED,
  "erl.[method]penalty-box.get-name": NAMED,
  "compute-runtime.get-sandbox-id": "`FASTLY_TRACE_ID` of the environment",
  "compute-runtime.get-namespace-id": ENVIRONMENT,
  "compute-runtime.[static]products.new": "the products are asked for without a handle",
  "async-io.[static]pollable.new-ready": "a body with content is as ready",
  "http-downstream.[method]extra-bot-category.as-raw": "the number itself is the category",
  "cache.[method]entry.step": "a lookup without a transaction is settled when it answers",
  "cache.[method]replace-entry.step": "the same",
  "http-cache.[method]entry.step": "the entry itself can be waited for",
};
const isField = (name: string) =>
  /^backend\.\[method\](dynamic-backend|healthcheck)-options\.|^shielding\.\[method\]shield-backend-options\./
    .test(name);

/** Output and results of a guest in one part. */
interface Told {
  readonly calls: Readonly<Record<string, readonly string[]>>;
  /** Lines without a call's name, in order. */
  readonly others: readonly string[];
  readonly response: readonly unknown[];
}

async function told(served: Served, path: string): Promise<Told> {
  const from = served.entries.length;
  const url = `http://127.0.0.1:${served.port}/${path}`;
  const headers = { "x-one": "1", "cdn-loop": "Fastly", "fastly-key": "a key" };
  const response = await fetch(url, { headers });
  const text = await response.text();
  assert(!/^The guest (trapped|exited)/.test(text), `${path}: ${text}`);
  const end = (message: string) => message.startsWith("end of ") && message.endsWith(`/${path}`);
  await served.logged((entry) => entry.kind === "stdout" && end(entry.message));
  const lines = served.entries.slice(from).flatMap((entry) =>
    entry.kind === "stdout" && !end(entry.message) ? [entry.message] : []
  );
  const calls: Record<string, string[]> = {};
  const others: string[] = [];
  for (const line of lines) {
    const [, name, said] = /^([a-z-]+\.[^ :]+|[a-z-]+\.\[.*?\][^ :]+): (.*)$/.exec(line) ?? [];
    if (name === undefined) others.push(line);
    else (calls[name] ??= []).push(said!.replace(/^[0-9a-f]{32}$/, "an id"));
  }
  const fields = [...response.headers].filter(([name]) => name.startsWith("x-"));
  return { calls, others, response: [response.status, fields, text] };
}

const BYTES = new TextEncoder();

async function serveBoth(options: FastlikeOptions): Promise<AsyncDisposable & { both: Served[] }> {
  const both = [
    await serveGuest("calls-component", { components: componentLoader, ...options }),
    await serveGuest("calls-module", options),
  ];
  return {
    both,
    async [Symbol.asyncDispose]() {
      for (const served of both) await served[Symbol.asyncDispose]();
    },
  };
}

testGuest("calls-component", "each function has the answer of the module's call", async () => {
  await using origin = await startOrigin((request, response) => {
    response.setHeader("x-origin", "yes");
    request.resume().on("end", () => response.end(`got ${request.method} ${request.url}`));
  });
  const options: FastlikeOptions = {
    backends: {
      origin: origin.url,
      dead: "http://127.0.0.1:1",
      configured: { url: "https://configured.test:8443", hostOverride: "host.test" },
    },
    configStores: { settings: { greeting: "hi" } },
    secretStores: { secrets: { key: "hidden" } },
    kvStores: { users: {} },
    acls: { blocked: [{ prefix: "192.0.2.0/24", action: "BLOCK" }] },
    geo: () => ({ city: "Lisbon" }),
    devices: () => ({ device: { name: "a phone" } }),
    shieldingSites: {
      "lga-ny-us": { encrypted: "https://shield.test", unencrypted: "http://shield.test" },
    },
    fastlyKeys: ["a key"],
    products: { domainInspector: true },
    random: (bytes) => bytes.fill(7),
    env: { FASTLY_SERVICE_VERSION: "3" },
    inspect: ({ corp, workspace, clientAddress }) => ({
      verdict: "block",
      tags: [`${corp}`, `${workspace}`, `${clientAddress}`],
    }),
    imageOptimizer: (request) => new Response(`an image of ${new URL(request.url).search}`),
    clientFacts: {
      h2Fingerprint: "1:65536",
      ohFingerprint: "oh",
      ddosDetected: true,
      region: "eu",
      tls: {
        protocol: "TLSv1.3",
        cipher: "TLS_AES_128_GCM_SHA256",
        serverName: "served.test",
        clientHello: BYTES.encode("hello"),
        ja3: "31".repeat(16),
        ja4: "t13d1516h2_8daaf6152771_02713d6af862",
        clientCertificate: "a certificate",
        verifyResult: "certificate-expired",
      },
      bot: { analyzed: true, detected: true, name: "a bot", category: "headless", verified: true },
      proxy: { anonymous: true, torExitNode: true, vpnServiceName: "a VPN" },
      visits: { service: 3, pop: 2 },
    },
  };
  await using served = await serveBoth(options);
  const [component, module] = served.both;
  const seen = new Set<string>();
  for (const part of PARTS) {
    const expected = await told(module!, part);
    const { calls, ...rest } = await told(component!, part);
    for (const name of Object.keys(calls)) seen.add(name);
    const compared = Object.entries(calls).filter(([name]) =>
      !(name in COMPONENT_ONLY || isField(name))
    );
    assertEquals({ calls: Object.fromEntries(compared), ...rest }, expected, part);
  }
  const all = Object.entries(INTERFACES).flatMap(([from, { functions }]) =>
    from.startsWith("fastly:")
      ? Object.keys(functions).map((name) => `${from.split("/")[1]}.${name}`)
      : []
  );
  assertEquals([...seen].sort(), all.sort());
  // And `handle`, which the component exports.
  assertEquals(all.length + 1, 301);
});
