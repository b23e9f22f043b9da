/**
 * Functions of this host, compared with those that guests may import (`testdata/hostcalls.json`).
 *
 * @module
 */
import type { Hostcall } from "../../abi/_define.ts";
import { namespaces } from "../../abi/mod.ts";
import hostcalls from "../../testdata/hostcalls.json" with { type: "json" };

/** A function that some guest may import. */
export interface KnownCall {
  readonly module: string;
  readonly name: string;
  /** As `(i32,i64)->i32`. */
  readonly signature: string;
  /** Whether a faithful host may have to wait in it. */
  readonly async: boolean;
  readonly deprecated: boolean;
  /** Whether Fastly's own description of the ABI has it; other hosts have made up a few. */
  readonly fastly: boolean;
  /** The call of today, `module.name`, for a name of old. */
  readonly alias: string | undefined;
}

/** Every known function. */
export const knownCalls: readonly KnownCall[] = hostcalls.functions.map((call) => ({
  module: call.module,
  name: call.name,
  signature: call.signature,
  async: call.async,
  deprecated: call.deprecated,
  fastly: call.in_witx || call.module === "env" || call.module === "fastly" ||
    call.module === "wasi_snapshot_preview1",
  alias: call.alias_of,
}));

/** A function that this host has. */
export interface DeclaredCall {
  readonly module: string;
  readonly name: string;
  readonly hostcall: Hostcall;
}

/** Every declared function. */
export const declaredCalls: readonly DeclaredCall[] = namespaces.flatMap((
  { name: module, calls },
) => Object.entries(calls).map(([name, hostcall]) => ({ module, name, hostcall })));

/** Support of one module by this host. */
interface ModuleSupport {
  readonly module: string;
  readonly known: number;
  readonly declared: readonly string[];
  readonly missing: readonly string[];
}

/** Module by module, in the order of the list of known functions. */
export function supportMatrix(): ModuleSupport[] {
  const has = new Set(declaredCalls.map(({ module, name }) => `${module}.${name}`));
  return [...Map.groupBy(knownCalls, ({ module }) => module)].map(([module, calls]) => {
    const names = calls.map(({ name }) => name);
    return {
      module,
      known: names.length,
      declared: names.filter((name) => has.has(`${module}.${name}`)),
      missing: names.filter((name) => !has.has(`${module}.${name}`)),
    };
  });
}
