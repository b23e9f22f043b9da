/** Manifests that are wrong in any way. */
import { stringify } from "npm:smol-toml@1.9.1";
import { ManifestError } from "../../../cli/manifest/document.ts";
import type { Manifest } from "../../../cli/manifest/mod.ts";
import { assert, assertMatch } from "../../assert.ts";
import * as fc from "../../properties.ts";
import { PEM, read } from "./_manifest.ts";

/** A manifest with every section, and the JSON files that it names. */
const VALID = {
  manifest_version: 3,
  local_server: {
    backends: {
      a: {
        url: "http://a",
        override_host: { env: "SET" },
        connect_timeout_ms: 1,
        ca_certificate: [PEM, { value: PEM }, { file: "pem" }, { env: "PEM" }],
        client_certificate: { certificate: PEM, key_file: "pem" },
        tls_min_version: "1.2",
        tls_max_version: "1.3",
        use_sni: false,
        pool: true,
        max_connections: 3,
        tcp_keepalive_time_secs: 5,
        healthcheck: { window: 5, method: "GET", interval_ms: 100 },
        health: "Healthy",
      },
    },
    config_stores: {
      inline: { format: "inline-toml", contents: { key: "value" } },
      file: { format: "json", file: "config.json" },
    },
    secret_stores: {
      list: [{ key: "a", data: "b" }, { key: "c", env: "SET" }, { key: "d", file: "pem" }],
      file: { format: "json", file: "config.json" },
    },
    kv_stores: {
      list: [{ key: "a", data: "b", metadata: "m" }, { key: "c", file: "pem" }],
      file: { format: "json", file: "kv.json" },
    },
    acls: { a: "acl.json", b: { file: "acl.json" } },
    geolocation: { format: "json", file: "geo.json" },
    device_detection: {
      format: "inline-toml",
      user_agents: { agent: { device: { is_mobile: true }, os: {}, user_agent: {} } },
    },
    shielding_sites: { s: "Local", t: { encrypted: "https://t", unencrypted: "http://t" } },
    fake_valid_fastly_keys: ["key"],
    client: { address: "192.0.2.1", bot_name: "x", bot_verified: true },
    client_facts_prefix: "x-",
    bot_headers: true,
    limits: { memory: "64 MiB", cpu_time: 50 },
    trust_proxy: ["10.0.0.0/8", "::1"],
    errors: "brief",
    log_endpoints: { a: { file: "log", format: "json" }, b: {} },
    store: { url: "redis://localhost", prefix: "x", timeout_ms: 5, cert: "pem", key: "pem" },
  },
  files: {
    "config.json": { a: "b" },
    "kv.json": { a: "b", c: { data: "d", metadata: "m" }, e: { file: "pem" } },
    "acl.json": { entries: [{ op: "create", prefix: "10.0.0.0/8", action: "BLOCK" }] },
    "geo.json": { "192.0.2.1": { city: "x", latitude: 1.5 } },
  },
};

type Tree = Record<string, unknown>;

/** Values of every type, as TOML has them. */
const HOSTILE: readonly unknown[] = [
  "",
  "x",
  "\n",
  "\0",
  "\u{1f600}".repeat(300),
  "x".repeat(10_000),
  "config.json",
  "http://",
  PEM,
  "constructor",
  "__proto__",
  "1.2",
  "json",
  "inline-toml",
  "mmdb",
  0,
  -1,
  1.5,
  NaN,
  Infinity,
  2 ** 53 - 1,
  9_007_199_254_740_993n,
  true,
  false,
  new Date(0),
  [],
  [[]],
  [[[]]],
  [{}],
  [1, "x"],
  {},
  { "": "" },
  { env: "SET" },
  { env: "UNSET" },
  { env: 1 },
  { env: {} },
  { file: "pem" },
  { file: "none" },
  { file: "config.json", format: "json" },
  { constructor: {} },
  { __proto__: null, "\n": {} },
  { key: "x" },
  { url: "x" },
  { data: "" },
];
const KEYS = [
  "",
  "x",
  "\n",
  "__proto__",
  "constructor",
  "toString",
  "url",
  "file",
  "format",
  "key",
  "env",
  "data",
];

const edit = fc.record({
  at: fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }),
  kind: fc.constantFrom("replace", "replace", "remove", "add", "rename", "wrap", "unwrap"),
  value: fc.constantFrom(...HOSTILE),
  key: fc.constantFrom(...KEYS),
});
type Edit = typeof edit extends fc.Arbitrary<infer E> ? E : never;

/** Edits the value at a place, which each number of `at` leads to one level deeper. */
function edited(tree: unknown, { at, kind, value, key }: Edit): unknown {
  const [first, ...rest] = at;
  if (typeof tree !== "object" || tree === null || tree instanceof Date) return value;
  const entries = Object.entries(tree);
  if (first === undefined || !entries.length) return kind === "wrap" ? [tree] : value;
  const index = first % entries.length;
  const [name, inner] = entries[index]!;
  const last = rest.length === 0;
  if (!last && typeof inner === "object" && inner !== null) {
    entries[index] = [name, edited(inner, { at: rest, kind, value, key })];
  } else if (kind === "remove") entries.splice(index, 1);
  else if (kind === "add") entries.push([key, value]);
  else if (kind === "rename") entries[index] = [key, inner];
  else if (kind === "wrap") entries[index] = [name, [inner]];
  else if (kind === "unwrap" && Array.isArray(inner)) entries[index] = [name, inner[0] ?? value];
  else entries[index] = [name, value];
  return Array.isArray(tree) ? entries.map(([, value]) => value) : Object.fromEntries(entries);
}

/** Uses what is read when a guest asks for it. */
function use({ options }: Manifest): void {
  for (const entries of Object.values(options.configStores ?? {})) {
    if (typeof entries === "function") entries();
  }
  for (const ip of ["192.0.2.1", "::1"]) options.geo?.(ip);
  options.devices?.("agent");
}

/** @returns Whether it was read. */
async function assertRead(text: string, files: Tree): Promise<boolean> {
  const shown = Object.entries(files).map(([name, value]) => [
    name,
    JSON.stringify(value, (_, value) => typeof value === "bigint" ? Number(value) : value) ?? "",
  ]);
  try {
    use(
      await read(text, {
        files: { pem: PEM, ...Object.fromEntries(shown) },
        env: { SET: "x", PEM },
      }),
    );
    return true;
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    assertMatch(error.message, /^Cannot read [^\n]+$/);
    return false;
  }
}

const { files, ...manifest } = VALID;
const TEXT = stringify(manifest);

Deno.test("the manifest that others are made of is read", async () => {
  assert(await assertRead(TEXT, files));
});

Deno.test("a manifest with values of other types anywhere is read, or refused in one line", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
      const { files, ...manifest } = edits.reduce(edited, VALID) as typeof VALID;
      const isObject = typeof files === "object" && files !== null;
      await assertRead(stringify(manifest), isObject ? files : {});
    }),
    { numRuns: 1000 },
  );
});

Deno.test("a manifest whose text is cut or changed anywhere is read, or refused in one line", async () => {
  const piece = fc.constantFrom(
    "",
    "\n",
    '"',
    "[",
    "]",
    "{",
    "}",
    "=",
    ".",
    "#",
    "'''",
    "\\",
    "\0",
    "\ud800",
    "[[a]]\n",
  );
  const change = fc.tuple(fc.nat(TEXT.length), fc.nat(30), piece);
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const changed = changes.reduce(
        (text, [at, drop, piece]) => text.slice(0, at) + piece + text.slice(at + drop),
        TEXT,
      );
      await assertRead(changed, files);
    }),
    { numRuns: 1000 },
  );
});
