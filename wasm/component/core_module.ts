import type { Layout } from "../rewrite/layout.ts";
import type { Rewritten } from "../rewrite/rewrite.ts";

/** A core module of a component, ready for instances. */
export interface CoreModule {
  readonly module: WebAssembly.Module;
  /** Undefined if it is as it came. */
  readonly rewritten: Rewritten | undefined;
  readonly layout: Pick<Layout, "imports" | "tables">;
}
