/** Modules of `node:` that are loaded while a program is compiled, and not ahead of all else. */
interface Builtins {
  readonly "node:buffer": typeof import("node:buffer");
  readonly "node:crypto": typeof import("node:crypto");
  readonly "node:dns": typeof import("node:dns");
  readonly "node:http": typeof import("node:http");
  readonly "node:http2": typeof import("node:http2");
  readonly "node:net": typeof import("node:net");
  readonly "node:stream": typeof import("node:stream");
  readonly "node:tls": typeof import("node:tls");
  readonly "node:util": typeof import("node:util");
  readonly "node:zlib": typeof import("node:zlib");
}

const modules: Partial<Builtins> = {};

/**
 * Loads the modules. An engine and a listener wait for it before the first request: Deno runs pending promise reactions
 * while it loads a module in the midst of a call, and one that asks for the module again would find it unfinished.
 */
export async function loadBuiltins(): Promise<void> {
  const [buffer, crypto, dns, http, http2, net, stream, tls, util, zlib] = await Promise.all([
    import("node:buffer"),
    import("node:crypto"),
    import("node:dns"),
    import("node:http"),
    import("node:http2"),
    import("node:net"),
    import("node:stream"),
    import("node:tls"),
    import("node:util"),
    import("node:zlib"),
  ]);
  Object.assign(modules, {
    "node:buffer": buffer,
    "node:crypto": crypto,
    "node:dns": dns,
    "node:http": http,
    "node:http2": http2,
    "node:net": net,
    "node:stream": stream,
    "node:tls": tls,
    "node:util": util,
    "node:zlib": zlib,
  });
}

/**
 * Returns a module of `node:`; where nothing has waited for {@linkcode loadBuiltins}, the call loads it. An `import` at the
 * top of a file would load it before a program can be read (`bench/start.ts`).
 */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  return modules[name] ?? process.getBuiltinModule(name) as Builtins[Name];
}
