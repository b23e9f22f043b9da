/** Modules of `node:` that few programs need, or that a program needs only after its first request has come. */
interface Builtins {
  readonly "node:buffer": typeof import("node:buffer");
  readonly "node:crypto": typeof import("node:crypto");
  readonly "node:zlib": typeof import("node:zlib");
}

const loaded = new Map<keyof Builtins, unknown>();

/**
 * Returns a module of `node:`, which is loaded by the first call. An `import` would load it at the start of each process:
 * those of one service take as long as all of its own modules (`bench/start.ts`).
 */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  let module = loaded.get(name);
  if (!module) loaded.set(name, module = process.getBuiltinModule(name));
  return module as Builtins[Name];
}
