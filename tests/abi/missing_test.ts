import { parseManifest } from "../../cli/manifest/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { bench, BUF, OUT, OUT2 } from "./_bench.ts";

/** Each way to ask for something by its name: module, call, and the arguments after the name. */
const ASKED: readonly [
  module: string,
  call: string,
  kind: string,
  flag: string,
  ...rest: number[],
][] = [
  ["fastly_config_store", "open", "config store", "--config-store", OUT],
  ["fastly_dictionary", "open", "config store", "--config-store", OUT],
  ["fastly_secret_store", "open", "secret store", "--secret-store", OUT],
  ["fastly_kv_store", "open", "KV store", "--kv", OUT],
  ["fastly_kv_store", "open_v2", "KV store", "--kv", OUT],
  ["fastly_object_store", "open", "KV store", "--kv", OUT],
  ["fastly_acl", "open", "ACL", "--acl", OUT],
  ["fastly_shielding", "shield_info", "shielding site", "", BUF, 1000, OUT2],
];

/** The options that fastly.toml sets with the lines of a message in it. */
async function pasted(message: string) {
  const toml = message.split("\n").filter((line) => line.startsWith("  ")).join("\n");
  const { options } = await parseManifest(toml, "fastly.toml", {
    read: () => new TextEncoder().encode('{"entries":[]}'),
    env: () => undefined,
    warn: (line) => assert(false, line),
    openDatabase: () => Promise.reject(new Error()),
  });
  return options;
}

for (const [module, call, kind, flag, ...rest] of ASKED) {
  Deno.test(`${module}.${call} of an undefined name is logged once, with lines that define it`, async () => {
    using b = bench();
    for (const name of ["mine", "other", "mine"]) b.now(module, call, name, ...rest);
    const told = b.logs.flatMap((entry) => entry.kind === "host" ? [entry] : []);
    assertEquals(told.map(({ level }) => level), ["error", "error"]);
    const [{ message, requestId }] = told as [typeof told[0]];
    assertEquals(requestId, b.sandbox.requests.current.id);
    assertStringIncludes(message, `No ${kind} is named "mine"\nAdd it to fastly.toml:\n\n  [`);
    assertStringIncludes(message, flag);
    using defined = bench(await pasted(message));
    assertEquals(defined.now(module, call, "mine", ...rest), 0);
  });
}

Deno.test("the number of reported names that a guest makes up is bounded", () => {
  using b = bench();
  for (let i = 0; i < 200; i++) b.now("fastly_kv_store", "open", `store ${i}`, OUT);
  assertEquals(b.logs.length, 100);
});
