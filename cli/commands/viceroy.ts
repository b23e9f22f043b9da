import process from "node:process";
import { CommandError } from "../errors.ts";

/** Refuses `viceroy adapt`. */
export function refuseAdapt(): never {
  throw new CommandError(
    "Cannot adapt: programs run here as the modules that they are, and none needs to be a component",
  );
}

/** Whether the process was started as `viceroy`, on which some defaults depend, such as the address to listen on. */
export function startedAsViceroy(name: string = process.argv0): boolean {
  return /(^|[\\/])viceroy(\.exe)?$/i.test(name);
}
