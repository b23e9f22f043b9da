/** Modules of `node:` that few programs need, or that a program needs only after its first request has come. */
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

/**
 * Returns a module of `node:`, which the first call loads. An `import` would load it at the start of each process: those
 * that a service may need take as long as all of its own modules (`bench/start.ts`).
 */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  return process.getBuiltinModule(name) as Builtins[Name];
}
