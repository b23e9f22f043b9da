import { limitsOf, type LimitValues } from "../service/limits.ts";
import type { ServiceOptions } from "../service/options.ts";
import { type Reuse, REUSE_VALUES, reuseOf } from "../service/reuse.ts";
import type { CompileOptions } from "../wasm/program.ts";

/** Options of a service on which the compilation of its program depends. */
type CompilingOptions = Pick<
  ServiceOptions,
  "limits" | "reuse" | "signals" | "allowUnlimited" | "codeCache" | "quickReload"
>;

/**
 * Returns what a program is compiled for, by the options of its service.
 *
 * @throws {TypeError} If an option has no such value.
 */
export function termsOf(
  options: CompilingOptions,
  { memory, cpu_time }: LimitValues = limitsOf(options.limits),
): CompileOptions {
  const { signals = [], allowUnlimited = false, codeCache, quickReload } = options;
  const watch = cpu_time < Infinity || signals.length > 0;
  return {
    memory,
    reuse: reuseIn(options),
    watch,
    allowUnlimited,
    codeCache,
    earlier: quickReload || undefined,
  };
}

function reuseIn({ reuse: name = "auto" }: CompilingOptions): Reuse {
  const reuse = reuseOf(name);
  if (reuse) return reuse;
  throw new TypeError(`Cannot use the option reuse ${JSON.stringify(name)}: ${REUSE_VALUES}`);
}
