import { bindFunction, FUNCTIONS } from "../../../abi/components/mod.ts";
import { CLASSES, CLASSES_BY_INTERFACE, OptionSet } from "../../../abi/components/resources.ts";
import { type Comparable, signatureOf, type WitType } from "../../../abi/components/wit.ts";
import { INTERFACES } from "../../../abi/components/world/mod.ts";
import { Body } from "../../../handles/body.ts";
import { GuestRequest, GuestResponse } from "../../../handles/message.ts";
import type { ServiceOptions } from "../../../service/options.ts";
import { assert, assertEquals } from "../../assert.ts";
import { Bench } from "../_bench.ts";

/** A type as a component would mean it. */
function comparable({ kind, names, parts, resource }: WitType): Comparable {
  return {
    kind,
    names,
    parts: parts.map((part) => part && comparable(part)),
    ...resource !== undefined && { resource: { name: resource } },
  };
}

/** Calls a function as a component does that takes it for its own type. */
function call(bench: Bench, from: string, name: string, args: readonly unknown[]): unknown {
  const { names, params, result } = signatureOf(from, name)!;
  const type = {
    names,
    params: params.map(comparable),
    result: result && comparable(result),
  };
  const version = from.startsWith("wasi:") ? "0.2.6" : "0.1.0";
  return bindFunction({ sandbox: bench.sandbox }, `${from}@${version}`, name, type, false).call(
    args,
  );
}

/** Functions that return a resource, by the name of the resource or of its type. */
const MAKERS: Readonly<Record<string, readonly [from: string, name: string]>> = {
  "backend": ["backend", "[static]backend.open"],
  "endpoint": ["log", "[static]endpoint.open"],
  "dictionary": ["dictionary", "[static]dictionary.open"],
  "acl": ["acl", "[static]acl.open"],
  "secret": ["secret-store", "[static]secret.from-bytes"],
  "rate-counter": ["erl", "[static]rate-counter.open"],
  "penalty-box": ["erl", "[static]penalty-box.open"],
  "products": ["compute-runtime", "[static]products.new"],
  "pollable": ["async-io", "[static]pollable.new-ready"],
  "healthcheck-options": ["backend", "[static]healthcheck-options.new"],
  "pending-response": ["http-req", "send-async"],
  "pending-request": ["http-downstream", "next-request"],
  "pending-lookup": ["kv-store", "[method]store.lookup-async"],
  "pending-insert": ["kv-store", "[method]store.insert-async"],
  "pending-delete": ["kv-store", "[method]store.delete-async"],
  "pending-list": ["kv-store", "[method]store.list-async"],
  "pending-entry": ["cache", "[static]entry.transaction-lookup-async"],
  "replace-entry": ["cache", "[static]replace-entry.replace"],
  "suggested-write-options": ["http-cache", "[method]entry.get-suggested-write-options"],
  "fastly:compute/kv-store.store": ["kv-store", "[static]store.open"],
  "fastly:compute/config-store.store": ["config-store", "[static]store.open"],
  "fastly:compute/secret-store.store": ["secret-store", "[static]store.open"],
  "fastly:compute/cache.entry": ["cache", "[static]entry.transaction-lookup"],
  "fastly:compute/http-cache.entry": ["http-cache", "[static]entry.transaction-lookup"],
  "input-stream": ["wasi:cli/stdin", "get-stdin"],
  "output-stream": ["wasi:cli/stdout", "get-stdout"],
};

/** A handle of the resource; where a guest has no way to get one, a number that names nothing. */
async function handleOf(bench: Bench, type: WitType): Promise<number> {
  const { resource = "", name = "" } = type;
  const { sandbox: { handles, requests: { downstream } } } = bench;
  const of: unknown = CLASSES_BY_INTERFACE[resource] ?? CLASSES[name] ?? OptionSet;
  if (of === GuestRequest) {
    return type.kind === "own" ? handles.insert(new GuestRequest()) : downstream.request;
  }
  if (of === GuestResponse) return handles.insert(new GuestResponse());
  if (of === Body) return handles.insert(new Body());
  const maker = MAKERS[resource] ?? MAKERS[name];
  if (maker) {
    const [from, make] = maker;
    const path = from.includes(":") ? from : `fastly:compute/${from}`;
    const made = await call(bench, path, make, await samples(bench, path, make));
    if (typeof made === "number") return made;
    const { ok, value } = made as { ok: boolean; value: number };
    assert(ok, `${make} gives none: ${Deno.inspect(value)}`);
    return value;
  }
  return of === OptionSet ? handles.insert(new OptionSet()) : 999_999;
}

async function samples(bench: Bench, from: string, name: string): Promise<unknown[]> {
  const all = [];
  for (const param of signatureOf(from, name)!.params) all.push(await sample(bench, param));
  return all;
}

/** A value of the type: of several cases the first, and nothing where nothing will do. */
async function sample(bench: Bench, type: WitType): Promise<unknown> {
  const { kind, parts } = type;
  switch (kind) {
    case "own":
    case "borrow":
      return await handleOf(bench, type);
    case "string":
      return "text";
    case "bool":
      return false;
    case "u64":
      return 65_536n;
    case "list":
      return parts[0]?.kind === "u8" ? Uint8Array.of(97) : [];
    case "record":
    case "tuple":
      return await Promise.all(parts.map((part) => sample(bench, part!)));
    case "variant":
      return { tag: 0, value: parts[0] && await sample(bench, parts[0]) };
    case "option":
      return undefined;
    case "result":
      return { ok: true, value: undefined };
  }
  return 0;
}

/** Whether a value could cross as the type. */
function fits(value: unknown, type: WitType | undefined): boolean {
  if (!type) return value === undefined;
  const { kind, parts, names } = type;
  switch (kind) {
    case "string":
      return typeof value === "string";
    case "bool":
      return typeof value === "boolean";
    case "u64":
      return typeof value === "bigint" && value >= 0n;
    case "list":
      return parts[0]?.kind === "u8"
        ? value instanceof Uint8Array
        : Array.isArray(value) && value.every((item) => fits(item, parts[0]));
    case "record":
    case "tuple":
      return Array.isArray(value) && parts.every((part, i) => fits(value[i], part));
    case "option":
      return value === undefined || fits(value, parts[1]);
    case "enum":
      return typeof value === "number" && value < names.length;
    case "variant": {
      const { tag, value: payload } = value as { tag: number; value: unknown };
      return tag < parts.length && fits(payload, parts[tag]);
    }
    case "result": {
      const { ok, value: payload } = value as { ok: boolean; value: unknown };
      return fits(payload, parts[ok ? 0 : 1]);
    }
  }
  return typeof value === "number" && value >= 0;
}

/** Whether a function may end the guest since its type has no result for the fault: an unknown handle, an empty list. */
function ends(error: unknown, { params }: { readonly params: readonly WitType[] }): boolean {
  const { message } = error as Error;
  return /exited with status/.test(message) ||
    (/was refused|Cannot wait for nothing/.test(message) && params.length > 0);
}

const OPTIONS: ServiceOptions = {
  backends: { text: () => new Response("from the backend") },
  configStores: { text: { text: "value" } },
  secretStores: { text: { text: "value" } },
  kvStores: { text: { text: "value" } },
  acls: { text: [] },
  shieldingSites: { text: "local" },
};

for (const [from, functions] of Object.entries(FUNCTIONS)) {
  Deno.test(`${from}: each function answers a value of its type, whatever it is given`, async () => {
    assertEquals(Object.keys(functions).sort(), Object.keys(INTERFACES[from]!.functions).sort());
    for (const name of Object.keys(functions)) {
      if (/poll\.block$|^poll$/.test(name)) continue;
      using bench = new Bench(OPTIONS, {});
      const signature = signatureOf(from, name)!;
      const args = await samples(bench, from, name);
      try {
        const value = await call(bench, from, name, args);
        assert(fits(value, signature.result), `${name} answers ${Deno.inspect(value)}`);
      } catch (error) {
        assert(ends(error, signature), `${name} throws ${error}`);
      }
      const failed = bench.logs.filter((entry) =>
        entry.kind === "host" && entry.message.startsWith("A hostcall failed")
      );
      assertEquals(failed, [], name);
    }
  });
}
