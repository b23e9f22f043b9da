import type { Layout } from "../rewrite/layout.ts";
import type { Rewritten } from "../rewrite/rewrite.ts";

/** Compiled core module of a component. */
export interface CoreModule {
  readonly module: WebAssembly.Module;
  /** Undefined if the module is unchanged. */
  readonly rewritten: Pick<Rewritten, "memories" | "names"> | undefined;
  readonly layout: Pick<Layout, "imports" | "tables">;
}
