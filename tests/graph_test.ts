import {
  cyclesOf,
  directoryOf,
  filesOf,
  type Finder,
  findIn,
  graphOf,
  type Import,
  loadedWith,
  ROOT,
  sourcesOf,
  union,
} from "./_graph.ts";
import { assert, assertEquals } from "./assert.ts";

/** Published modules: other programs import these by URL. */
const ENTRIES = [
  "mod.ts",
  "cli.ts",
  "testing.ts",
  "testing/files.ts",
  "manifest.ts",
  "server/mod.ts",
  "drivers/mod.ts",
  "drivers/components.ts",
  "drivers/redis.ts",
  "drivers/sqlite.ts",
  "drivers/images.ts",
].filter(exists);
/** Which directories a directory may import besides itself; see docs/architecture.md. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  abi: ["handles", "service"],
  handles: ["service"],
  wasm: ["service"],
  engine: ["abi", "handles", "wasm", "service"],
  service: [],
  server: ["service"],
  drivers: ["wasm", "service"],
  cli: ["abi", "handles", "wasm", "engine", "service", "server", "drivers", "testing", "mod.ts"],
  "mod.ts": ["engine", "wasm", "service"],
  testing: ["wasm", "service", "mod.ts"],
  "testing.ts": ["testing", "service", "mod.ts"],
  "cli.ts": ["cli", "mod.ts"],
  "manifest.ts": ["cli"],
};
/** Files of `service/` that instances may use: no hostcall, no HTTP. */
const WASM_MAY_IMPORT = /^service\/(util\/|errors\.ts$|limits\.ts$)/;
/**
 * Rooms of `service/` whose code a room's code may use, besides its own, `util` and the files at the top that use no
 * room but `util`. Types may come from any of them. The other files at the top wire the rooms together.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  util: [],
  http: [],
  backends: ["http"],
  rate: ["http"],
  stores: ["http"],
  client: ["http", "stores"],
  cache: ["http"],
};
/** Files at the top of `service/` that rooms may use. */
const COMMON = ["service/errors.ts", "service/limits.ts", "service/log.ts"];
/** Packages in the library's graph: neither drivers of stores nor logging, which are for its user to choose. */
const LIBRARY_PACKAGES: readonly string[] = ["deno-std"];
/** Modules that access the machine: the library works under `--allow-net` alone. */
const MACHINE_MODULES =
  /^node:(fs|fs\/promises|child_process|process|os|cluster|worker_threads|sqlite|module|readline|readline\/promises|repl|inspector|inspector\/promises)$/;

/** Modules that a plain start of `serve` imports by calls; it loads these, and those that come with them. */
const STARTED = [
  "cli.ts",
  "cli/telemetry/terminal.ts",
  "cli/commands/serve.ts",
  "cli/commands/open_listener.ts",
  "engine/ahead.ts",
  "mod.ts",
];
/** Modules that such a start does without, as each takes some of its time (`bench/start.ts`). */
const NOT_STARTED =
  /^cli\/(flags\/(help|completions)|manifest\/(mod|mocks)|watch\/(follow|source|tree|build|project))\.ts$|^wasm\/rewrite\/(rewrite|code|additions)\.ts$|^node:(fs|process|http2?|tls|zlib)$|^npm:(?!\/?(deno-std|@logtape)\b)/;

// The harness is under the rules of the library that it tests with.
const library = union(await graphOf("mod.ts"), await graphOf("testing.ts"));
const server = await graphOf("server/mod.ts");
const published = union(...await Promise.all(ENTRIES.map(graphOf)));

Deno.test("each directory imports only those that outlive it", () => {
  const wrong = importsOf(published).filter(({ path, target }) => {
    if (target.includes(":")) return false;
    const [from, to] = [directoryOf(path), directoryOf(target)];
    return from !== to && !MAY_IMPORT[from]?.includes(to);
  });
  assertEquals(wrong.map(told), []);
});

Deno.test("the code of a room of service/ uses only the rooms below it", () => {
  const wrong = importsOf(published).filter(({ path, target, typeOnly }) => {
    const [from, to] = [roomOf(path), roomOf(target)];
    if (typeOnly || from === undefined || from === to || target.includes(":")) return false;
    if (COMMON.includes(target)) return false;
    return to !== "util" && !(to !== undefined && ROOMS[from]?.includes(to));
  });
  assertEquals(wrong.map(told), []);
});

Deno.test("manifest.ts loads cli/manifest, and nothing else of cli/", async () => {
  const loaded = filesOf(await graphOf("manifest.ts")).filter((path) =>
    /^(cli|server|engine|handles|abi)\/(?!manifest\/|errors\.ts$)/.test(path)
  );
  assertEquals(loaded, []);
});

Deno.test("a plain start of serve loads nothing that rewrites, builds, follows changes or reads a fastly.toml, and no package but two", async () => {
  const graph = await graphOf("cli.ts");
  for (const entry of STARTED) assert(graph.has(entry), entry);
  const loaded = new Set(STARTED.flatMap((entry) => [...loadedWith(graph, entry)]));
  assertEquals([...loaded].filter((path) => NOT_STARTED.test(path)), []);
});

Deno.test("instances know nothing of hostcalls and HTTP", () => {
  const wrong = importsOf(published).filter(({ path, target, typeOnly }) =>
    directoryOf(path) === "wasm" && directoryOf(target) === "service" && !typeOnly &&
    !WASM_MAY_IMPORT.test(target)
  );
  assertEquals(wrong.map(told), []);
});

Deno.test("every file of the directories is reached from a published module", async () => {
  const reached = filesOf(published);
  const kept = (await sourcesOf()).filter((path) => MAY_IMPORT[directoryOf(path)]);
  assertEquals(kept.filter((path) => !reached.includes(path)), []);
});

Deno.test("the docs of every entry in deno.json are checked, by deno task check and in CI", async () => {
  const config = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const entries = Object.values<string>(config.exports).map((path) => path.slice("./".length));
  const places = [config.tasks.check, await Deno.readTextFile(new URL(".ci/run", ROOT))];
  for (const text of places) {
    const [, modules = ""] = /doc --lint (.*?)( &&|$)/m.exec(text) ?? [];
    assertEquals(modules.split(" ").sort(), entries.toSorted());
  }
});

Deno.test("published modules import by relative path, npm: with an exact version, or node:", () => {
  const fine = /^(\.\.?\/|node:|npm:(@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+[\w.+-]*(\/|$))/;
  // Has the import without a literal, so that Deno downloads a package when it is used and not at the start.
  const allowed = "drivers/package.ts";
  const wrong = importsOf(published).filter(({ path, specifier }) =>
    !fine.test(specifier) && !(path === allowed && specifier.startsWith("data:"))
  );
  assertEquals(wrong.map(told), []);
});

Deno.test("no files import each other in a circle, not even types", () => {
  assertEquals(cyclesOf(published).map((cycle) => cycle.join(" -> ")), []);
});

Deno.test("each npm package has one version, written the same everywhere", async () => {
  const written = new Map<string, Map<string, string>>();
  const note = (specifier: unknown, path: string) => {
    const [, name, version = ""] =
      /^npm:\/?((?:@[^/@]+\/)?[^/@]+)(?:@([^/]*))?/.exec(String(specifier)) ?? [];
    if (name === undefined) return undefined;
    if (!written.has(name)) written.set(name, new Map());
    written.get(name)!.set(version, path);
  };
  for (const path of await sourcesOf()) {
    await findIn(path, {
      ImportDeclaration: ({ source }) => note(source.value, path),
      ExportNamedDeclaration: ({ source }) => note(source?.value, path),
      ExportAllDeclaration: ({ source }) => note(source.value, path),
      ImportExpression: ({ source }) =>
        note(source.type === "Literal" ? source.value : undefined, path),
      Literal: ({ value }) => note(/^npm:\S+@\d\S*$/.test(String(value)) ? value : "", path),
    });
  }
  const wrong = [...written].filter(([, versions]) =>
    versions.size > 1 || ![...versions.keys()].every((version) => /^\d+\.\d+\.\d+/.test(version))
  );
  assertEquals(wrong.map(([name, versions]) => [name, ...versions]), []);
  assert(written.has("deno-std"));
});

Deno.test("fast-check is imported by tests/properties.ts alone, which sets its seed", async () => {
  const importing = await findAll(await sourcesOf(), {
    ImportDeclaration: ({ source }) => source.value.startsWith("npm:fast-check") ? "" : undefined,
  });
  assertEquals(importing.map((found) => found.split(":")[0]), ["tests/properties.ts"]);
});

Deno.test("the library and the server have no module that touches the machine, no store driver and no logging", () => {
  const wrong = importsOf(union(library, server)).filter(({ specifier }) => {
    const [, name] = /^npm:((?:@[^/@]+\/)?[^/@]+)/.exec(specifier) ?? [];
    return name === undefined ? MACHINE_MODULES.test(specifier) : !LIBRARY_PACKAGES.includes(name);
  });
  assertEquals(wrong.map(told), []);
});

Deno.test("the library and the server import from node: what each process needs, and load the rest by builtins.ts", () => {
  const needed = /^node:(buffer|timers|path)$/; // the first is a string's quickest way into bytes
  const wrong = importsOf(union(library, server)).filter(({ path, specifier, typeOnly }) =>
    path !== "service/util/builtins.ts" && specifier.startsWith("node:") && !typeOnly &&
    !needed.test(specifier) &&
    !(specifier === "node:net" && directoryOf(path) === "server") // which listens
  );
  assertEquals(wrong.map(told), []);
});

Deno.test("the library and the server use nothing of Deno, of the process or of the console", async () => {
  // A thread's processor time is read from `process`, where there is one, and modules of `node:` are loaded late by it.
  const allowed = ["wasm/processor_clock.ts", "service/util/builtins.ts"];
  const files = filesOf(union(library, server)).filter((path) => !allowed.includes(path));
  assertEquals(
    await findAll(files, {
      // Types, as in `Deno.Addr`, are another kind of node.
      MemberExpression: ({ object, property }) => {
        if (object.type !== "Identifier") return undefined;
        const name = property.type === "Identifier" ? property.name : "[]";
        const global = object.name === "globalThis" ? name : object.name;
        return /^(Deno|process|console)$/.test(global) ? `${object.name}.${name}` : undefined;
      },
      VariableDeclarator: ({ init }) =>
        init?.type === "Identifier" && /^(Deno|process|console|globalThis)$/.test(init.name)
          ? `another name for ${init.name}`
          : undefined,
    }),
    [],
  );
});

Deno.test("no state in the library outlives its services", async () => {
  const state = /^(Map|Set|WeakMap|WeakSet|Array)$/;
  assertEquals(
    await findAll(filesOf(library), {
      "Program > VariableDeclaration[kind!='const']": ({ kind }) => `${kind} at the top`,
      "Program > ExportNamedDeclaration > VariableDeclaration[kind!='const']": () =>
        "let at the top",
      // A collection that is filled when it is made is a table; an empty one is there to be filled.
      "Program > VariableDeclaration > VariableDeclarator > NewExpression[arguments.length=0]": (
        { callee }: Deno.lint.NewExpression,
      ) =>
        callee.type === "Identifier" && state.test(callee.name) ? `new ${callee.name}` : undefined,
      "Program > VariableDeclaration > VariableDeclarator > ArrayExpression[elements.length=0]":
        () => "an empty array at the top",
      "PropertyDefinition[static=true][readonly=false]": () => "a static property that can change",
    }),
    [],
  );
});

Deno.test("the library knows the time, and waits, through the clock of a service alone", async () => {
  const allowed = [
    "service/util/clock.ts", // the machine's clock itself
    "wasm/processor_clock.ts", // processor time is the machine's
    "wasm/watchdog.ts", // as is that of its thread
    "wasm/instance_memory.ts", // cost of a reset, also with a clock that stands still
    "wasm/run_queue.ts", // the same
  ];
  const files = filesOf(library).filter((path) => !allowed.includes(path));
  assertEquals(
    await findAll(files, {
      // As a value, also where it is imported, shadowed or handed on; types are another kind of node.
      Identifier: ({ name }) =>
        /^(setTimeout|setInterval|clearTimeout|clearInterval)$/.test(name) ? name : undefined,
      MemberExpression: ({ object, property }) => {
        const text = object.type === "Identifier" && property.type === "Identifier"
          ? `${object.name}.${property.name}`
          : "";
        return /^(performance\.\w+|Date\.now|AbortSignal\.timeout)$/.test(text) ? text : undefined;
      },
      NewExpression: ({ callee, arguments: given }) =>
        callee.type === "Identifier" && callee.name === "Date" && given.length === 0
          ? "new Date()"
          : undefined,
      "CallExpression > Identifier[name='Date']": () => "Date()",
    }),
    [],
  );
});

Deno.test("status numbers are in abi/_status.ts, and those of WASI in abi/_wasi_errno.ts", async () => {
  const names =
    /^(inval|badf|buflen|badalign|httpinvalid|httpuser|httpincomplete|httpheadtoolarge|httpinvalidstatus|limitexceeded|notsup|spipe)$/;
  const isNumber = (node: Deno.lint.Node | null | undefined) =>
    node?.type === "Literal" && typeof node.value === "number" && node.value !== 0;
  const named: Finder = {
    Property: ({ key, value }) =>
      key.type === "Identifier" && names.test(key.name) && isNumber(value) ? key.name : undefined,
  };
  const hostcalls: Finder = {
    ...named,
    ReturnStatement: ({ argument }) => isNumber(argument) ? "returns a number" : undefined,
    ArrowFunctionExpression: ({ body }) => isNumber(body) ? "returns a number" : undefined,
  };
  const outside: Finder = {
    ...named,
    Identifier: ({ name }) => name === "XqdStatus" ? name : undefined,
  };
  const found = [];
  for (const path of filesOf(published)) {
    if (/^abi\/(_status|_wasi_errno)\.ts$|^(mod|testing)\.ts$/.test(path)) continue;
    found.push(...await findIn(path, directoryOf(path) === "abi" ? hostcalls : outside));
  }
  assertEquals(found, []);
});

Deno.test("guest memory is seen through a DataView in service/util/guest_view.ts and in values of components alone", async () => {
  const exceptions = [
    "service/util/guest_view.ts",
    "wasm/component/plain.ts",
    "service/util/address.ts", // the octets of an IPv6 address are no guest memory
  ];
  const files = filesOf(published).filter((path) => !exceptions.includes(path));
  assertEquals(
    await findAll(files, { Identifier: ({ name }) => name === "DataView" ? name : undefined }),
    [],
  );
});

Deno.test("guests are suspended through wasm/jspi.ts alone", async () => {
  const files = filesOf(published).filter((path) => path !== "wasm/jspi.ts");
  assertEquals(
    await findAll(files, {
      Identifier: ({ name }) => name === "Suspending" ? name : undefined,
      "MemberExpression > Identifier[name='promising']": () => "promising",
    }),
    [],
  );
});

Deno.test("parts of node: and Deno that are not public are used in service/util/node_internals.ts alone", async () => {
  // A guest's function, whose name WASI gives.
  const fine = /^_start$/;
  const files = filesOf(published).filter((path) => path !== "service/util/node_internals.ts");
  assertEquals(
    await findAll(files, {
      MemberExpression: ({ property, computed }) =>
        !computed && property.type === "Identifier" && /^_[a-z]/i.test(property.name) &&
          !fine.test(property.name)
          ? property.name
          : undefined,
      AssignmentExpression: ({ left }) =>
        left.type === "MemberExpression" && left.property.type === "Identifier" &&
          /^(push|servername)$/.test(left.property.name)
          ? `sets ${left.property.name}`
          : undefined,
      Identifier: ({ name }) => /^getOwnPropertySymbols$/.test(name) ? name : undefined,
    }),
    [],
  );
});

interface From extends Import {
  readonly path: string;
}

/** The room of `service/` that a file is in, if it is in one. */
function roomOf(path: string): string | undefined {
  const [directory, room, file] = path.split("/");
  return directory === "service" && file !== undefined ? room : undefined;
}

function importsOf(graph: Awaited<ReturnType<typeof graphOf>>): From[] {
  return filesOf(graph).flatMap((path) => graph.get(path)!.map((one) => ({ path, ...one })));
}

function told({ path, specifier }: From): string {
  return `${path} imports ${specifier}`;
}

async function findAll(paths: readonly string[], finder: Finder): Promise<string[]> {
  return (await Promise.all(paths.map((path) => findIn(path, finder)))).flat();
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(new URL(path, ROOT)).isFile;
  } catch {
    return false;
  }
}

Deno.test("built guests are committed, or ignored as too large", async () => {
  const git = async (...args: string[]) => {
    const { code, stdout } = await new Deno.Command("git", { args, cwd: ROOT }).output();
    return code === 0 ? new TextDecoder().decode(stdout).split("\n") : undefined;
  };
  const tracked = await git("ls-files", "testdata/built");
  const ignored = await Deno.readTextFile(new URL("testdata/.gitignore", ROOT));
  const namesIn = async (folder: string) =>
    (await Array.fromAsync(Deno.readDir(new URL(folder, ROOT)))).map(({ name }) => name);
  const sources = await namesIn("testdata/wat");
  const modules = [
    ...sources.map((name) => name.replace(/\.wat$/, ".wasm")),
    ...await namesIn("testdata/built"),
  ];
  if (!tracked) return; // no checkout of git: an archive has the committed files alone
  const left = modules.filter((name) =>
    !tracked.includes(`testdata/built/${name}`) && !ignored.includes(`built/${name}`)
  );
  assertEquals(left, []);
});
