import type { TrustCommand } from "../flags/args.ts";
import { LocalAuthority } from "../tls/local_authority.ts";
import { shown, thisMachine, type TrustStore, trustStores } from "../tls/trust.ts";

/**
 * Makes the certificate stores of this machine trust the local authority, or removes it from them, and reports on each store.
 *
 * @param say Called with each line for the user.
 * @returns Exit code: 1 if a store could not be changed.
 * @throws {CommandError} If there is no folder for the authority.
 */
export async function trust(
  { uninstall, system }: TrustCommand,
  say: (line: string) => void,
): Promise<number> {
  const authority = await LocalAuthority.open();
  const what = uninstall ? "remove" : "add";
  if (!uninstall) say(`The certificate authority of this machine is ${authority.file}`);
  let failed = false;
  for (const store of trustStores(authority.file, thisMachine())) {
    if (store.system && !system) {
      say(`Not changed: ${store.users}; for them run: ${shown(store, what)}`);
      continue;
    }
    const problem = await change(store, what);
    const done = uninstall ? "do not trust it any more" : "trust it";
    if (problem === undefined) say(`Done: ${store.users} ${done}`);
    else say(`Failed: ${store.users}: ${problem}`);
    failed ||= problem !== undefined;
  }
  if (!uninstall) say("Restart browsers that run. To take it back: fastlike trust --uninstall");
  return failed ? 1 : 0;
}

/** Runs the commands of a store; returns the fault, if any. */
async function change(store: TrustStore, what: "add" | "remove"): Promise<string | undefined> {
  for (const [program, ...args] of store[what]) {
    try {
      const command = new Deno.Command(program!, { args, stdin: "null" });
      const { success, stderr } = await command.output();
      if (success) continue;
      const [reason] = new TextDecoder().decode(stderr).trim().split("\n");
      if (what === "remove" && /could not find|not found/i.test(reason!)) continue;
      return `${program} says: ${reason || "nothing"}`;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return `there is no ${program}` + (store.needs ? `: install ${store.needs}` : "");
    }
  }
  return undefined;
}
