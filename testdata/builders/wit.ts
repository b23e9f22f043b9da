// Writes the world `fastly:compute/service` as WIT files, from the data that the host has of it.

import type { Interface } from "../../abi/components/world/interface.ts";
import { INTERFACES } from "../../abi/components/world/mod.ts";

const VERSIONS: Readonly<Record<string, string>> = { "fastly": "0.1.0", "wasi": "0.2.6" };
/** Interfaces that are not in Fastly's world. */
const BEYOND = /^wasi:filesystem\//;

/** Writes `world.wit`, and `deps/` beside it. */
export async function writeWit(folder: URL): Promise<void> {
  const interfaces = Object.entries(INTERFACES).filter(([path]) => !BEYOND.test(path));
  const packages = Map.groupBy(interfaces, ([path]) => path.split("/")[0]!);
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, members] of packages) {
    const head = `package ${versioned(name)};\n`;
    const parts = members.map(([path, item]) => written(path, item));
    const isWorld = name === "fastly:compute";
    const text = [head, ...parts, ...isWorld ? [world(interfaces.map(([path]) => path))] : []];
    const file = isWorld ? "world.wit" : `deps/${name.replace(":", "-")}/package.wit`;
    const url = new URL(file, folder);
    await Deno.mkdir(new URL(".", url), { recursive: true });
    await Deno.writeTextFile(url, text.join("\n"));
  }
}

function versioned(path: string): string {
  return `${path}@${VERSIONS[path.split(":")[0]!]}`;
}

function world(paths: readonly string[]): string {
  const imports = paths.map((path) =>
    `  import ${path.startsWith("fastly:") ? path.split("/")[1] : versioned(path)};\n`
  );
  return `interface http-incoming {
  use http-req.{request};
  use http-body.{body};
  handle: func(request: request, body: body) -> result;
}

world service {
${imports.join("")}  export http-incoming;
}
`;
}

function written(path: string, { uses, resources, types, functions }: Interface): string {
  const [own = "", name = ""] = path.split("/");
  const lines = [
    ...Object.entries(uses).map(([type, from]) => used(type, from, own)),
    ...Object.entries(types).map(([type, text]) => typed(type, text)),
    ...resources.map((resource) => resourceOf(resource, functions)),
    ...Object.entries(functions).flatMap(([name, signature]) =>
      name.startsWith("[") ? [] : [`%${name}: func${named(signature)};`]
    ),
  ];
  return `interface ${name} {\n${lines.map((line) => `  ${line}\n`).join("")}}\n`;
}

function used(type: string, from: string, own: string): string {
  const dot = from.lastIndexOf(".");
  const where = from.slice(0, dot);
  const what = from.slice(dot + 1);
  const [of = "", name] = where.split("/");
  const target = name === undefined ? where : of === own ? name : versioned(where);
  return `use ${target}.{%${what}${what === type ? "" : ` as %${type}`}};`;
}

function typed(type: string, text: string): string {
  const [, kind, inside] = /^(enum|flags|variant|record)\{(.*)\}$/.exec(text) ?? [];
  if (kind === undefined || inside === undefined) return `type %${type} = ${text};`;
  const fields = inside.replace(
    /([\w-]+): ([^,<]+(<[^,]*(<.*?>)?>)?)/g,
    (_, name, of) => kind === "variant" ? `${name}(${of})` : `%${name}: ${of}`,
  );
  return `${kind} %${type} { ${fields} }`;
}

function resourceOf(resource: string, functions: Interface["functions"]): string {
  const methods = Object.entries(functions).flatMap(([name, signature]) => {
    const [, kind, of, method] = /^\[(\w+)\]([\w-]+)(?:\.([\w-]+))?$/.exec(name) ?? [];
    if (of !== resource) return [];
    if (kind === "constructor") return [`constructor${named(signature).replace(/ ->.*$/, "")};`];
    if (kind === "static") return [`%${method}: static func${named(signature)};`];
    const rest = signature.replace(/^\(self: borrow<[\w-]+>(, )?/, "(");
    return [`%${method}: func${named(rest)};`];
  });
  return `resource %${resource} { ${methods.join(" ")} }`;
}

/** A signature in which no parameter's name is a keyword. */
function named(signature: string): string {
  return signature.replace(/([(,] ?)([\w-]+):/g, "$1%$2:");
}
