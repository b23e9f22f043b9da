import { FUNCTIONS } from "../../../abi/components/mod.ts";
import { convertersOf } from "../../../abi/components/define.ts";
import { interfaceOf } from "../../../abi/components/mod.ts";
import { isSame, signatureOf } from "../../../abi/components/wit.ts";
import type { Interface } from "../../../abi/components/world/interface.ts";
import { FASTLY, INTERFACES } from "../../../abi/components/world/mod.ts";
import wit from "../../../testdata/wit.json" with { type: "json" };
import { assertEquals } from "../../assert.ts";

type Params = readonly (readonly string[])[];
interface Func {
  readonly params: Params;
  readonly result?: string;
  readonly static?: boolean;
}
type Described =
  | { readonly alias: string }
  | { readonly enum: readonly string[] }
  | { readonly flags: readonly string[] }
  | { readonly variant: readonly (readonly string[])[] }
  | { readonly record: readonly (readonly string[])[] };
interface Published {
  readonly uses?: Readonly<Record<string, string>>;
  readonly types?: Readonly<Record<string, Described>>;
  readonly functions?: Readonly<Record<string, Func>>;
  readonly resources?: Readonly<Record<string, Readonly<Record<string, Func>>>>;
}

const published = Object.entries(wit.interfaces as unknown as Record<string, Published>)
  .filter(([name]) => name !== "http-incoming");

function signature(params: Params, result: string | undefined): string {
  const inside = params.map(([name, type]) => `${name}: ${type}`).join(", ");
  return `(${inside})${result ? ` -> ${result}` : ""}`;
}

function typeText(type: Described): string {
  if ("alias" in type) return type.alias;
  if ("enum" in type) return `enum{${type.enum.join(", ")}}`;
  if ("flags" in type) return `flags{${type.flags.join(", ")}}`;
  const [kind, fields] = "variant" in type ? ["variant", type.variant] : ["record", type.record];
  const inside = fields.map(([name, of]) => {
    const plain = name!.replace("%", "");
    return of === undefined ? plain : `${plain}: ${of}`;
  });
  return `${kind}{${inside.join(", ")}}`;
}

function functionsOf({ functions = {}, resources = {} }: Published): Record<string, string> {
  const all = Object.entries(functions).map(([name, { params, result }]) =>
    [name, signature(params, result)] as const
  );
  const methods = Object.entries(resources).flatMap(([resource, methods]) =>
    Object.entries(methods).map(([name, { params, result, static: isStatic }]) => {
      if (name === "constructor") {
        return [`[constructor]${resource}`, signature(params, resource)] as const;
      }
      const self = isStatic ? [] : [["self", `borrow<${resource}>`]];
      const kind = isStatic ? "static" : "method";
      return [`[${kind}]${resource}.${name}`, signature([...self, ...params], result)] as const;
    })
  );
  return Object.fromEntries([...all, ...methods]);
}

Deno.test("the world has Fastly's published types, resources and signatures", () => {
  const expected = Object.fromEntries(published.map(([name, item]) => {
    const { uses = {}, types = {}, resources = {} } = item;
    const texts = Object.entries(types).map(([type, described]) => [type, typeText(described)]);
    return [
      `fastly:compute/${name}`,
      {
        uses,
        resources: Object.keys(resources),
        types: Object.fromEntries(texts),
        functions: functionsOf(item),
      } satisfies Interface,
    ];
  }));
  assertEquals(FASTLY, expected);
});

Deno.test("every function of every interface is implemented, and no other is", () => {
  const names = (all: Readonly<Record<string, object>>) =>
    Object.entries(all).flatMap(([from, members]) =>
      Object.keys(members).map((name) => `${from}.${name}`)
    ).sort();
  const signed = Object.entries(INTERFACES).map(([from, { functions }]) => [from, functions]);
  const known = names(Object.fromEntries(signed));
  assertEquals(names(FUNCTIONS), known);
  // And `handle`, which components export.
  assertEquals(known.filter((name) => name.startsWith("fastly:")).length + 1, 301);
});

Deno.test("every signature can be read, and its values converted", () => {
  for (const [from, { functions }] of Object.entries(INTERFACES)) {
    for (const name of Object.keys(functions)) {
      convertersOf(signatureOf(from, name)!, FUNCTIONS[from]![name]!.byNumber ?? false);
    }
  }
});

Deno.test("later versions of a track are taken, other tracks are not", () => {
  assertEquals(interfaceOf("fastly:compute/http-req@0.1.0"), "fastly:compute/http-req");
  assertEquals(interfaceOf("fastly:compute/http-req@0.1.7"), "fastly:compute/http-req");
  assertEquals(interfaceOf("wasi:io/streams@0.2.0"), "wasi:io/streams");
  for (
    const other of ["fastly:compute/http-req@0.2.0", "fastly:compute/http-req", "wasi:io/x@0.3.0"]
  ) {
    assertEquals(interfaceOf(other), undefined);
  }
});

Deno.test("a type is the same only with the same parts, names and resources", () => {
  const { params, result } = signatureOf("fastly:compute/http-body", "append")!;
  const resource = (name: string) => ({ kind: "borrow", resource: { name } });
  assertEquals(isSame(resource("fastly:compute/async-io.pollable"), params[0]), true);
  assertEquals(isSame(resource("fastly:compute/http-req.request"), params[0]), false);
  assertEquals(isSame({ kind: "u32" }, params[0]), false);
  assertEquals(isSame({ kind: "result", parts: [undefined, undefined] }, result), false);
});
