/** Modules of `node:` that are loaded while a program is compiled, and not ahead of all else. */
interface Builtins {
  readonly "node:buffer": typeof import("node:buffer");
  readonly "node:crypto": typeof import("node:crypto");
  readonly "node:dns": typeof import("node:dns");
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
  const [buffer, crypto, dns, net, stream, util, zlib] = await Promise.all([
    import("node:buffer"),
    import("node:crypto"),
    import("node:dns"),
    import("node:net"),
    import("node:stream"),
    import("node:util"),
    import("node:zlib"),
  ]);
  Object.assign(modules, {
    "node:buffer": buffer,
    "node:crypto": crypto,
    "node:dns": dns,
    "node:net": net,
    "node:stream": stream,
    "node:util": util,
    "node:zlib": zlib,
  });
}

/**
 * Loads the modules for TLS and HTTP/2, which take as long as all others together. A listener with either waits for it, and
 * so does a request to a backend with either.
 *
 * @returns Undefined once they are there.
 */
export function loadSecureBuiltins(): Promise<void> | undefined {
  if (modules["node:http2"]) return undefined;
  return Promise.all([import("node:http2"), import("node:tls")]).then(([http2, tls]) => {
    Object.assign(modules, { "node:http2": http2, "node:tls": tls });
  });
}

/**
 * Returns a module of `node:`; where nothing has waited for the functions above, the call loads it. An `import` at the
 * top of a file would load it before a program can be read (`bench/start.ts`).
 */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  return modules[name] ?? process.getBuiltinModule(name) as Builtins[Name];
}
