import { CommandError } from "../errors.ts";

/** Variable that has the name of the command, for scripts that start Deno: an executable's own name is that of its file. */
const NAME_VARIABLE = "FASTLIKE_NAME";

/** Refuses `viceroy adapt`. */
export function refuseAdapt(): never {
  throw new CommandError(
    "Cannot adapt: programs run here as the modules that they are, and none needs to be a component",
  );
}

/** Whether the process was started as `viceroy`, on which some defaults depend, such as the address to listen on. */
export async function startedAsViceroy(): Promise<boolean> {
  const { state } = await Deno.permissions.query({ name: "env", variable: NAME_VARIABLE });
  const given = state === "granted" ? Deno.env.get(NAME_VARIABLE) : undefined;
  return isViceroy(given ?? await nameOfExecutable());
}

/** Whether the path or name of an executable is that of Viceroy. */
export function isViceroy(name: string): boolean {
  return /(^|[\\/])viceroy(\.exe)?$/i.test(name);
}

/** Returns the name that a compiled executable was started under, which a link may give it; otherwise Deno's. */
async function nameOfExecutable(): Promise<string> {
  if (!Deno.build.standalone) return "deno";
  const { default: process } = await import("node:process"); // its evaluation takes longer than that of all flags
  return process.argv0;
}
