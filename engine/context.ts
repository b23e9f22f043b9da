import type { Memory } from "../handles/memory.ts";
import type { Sandbox } from "../handles/sandbox.ts";

/** Where the hostcalls of one instance find whoever runs in it. */
export interface InstanceContext {
  sandbox: Sandbox;
  memory?: Memory;
  /** Whether the program is run once, for nobody, as a tool. */
  runsOnce?: boolean;
}
