import { loadPackage } from "../drivers/package.ts";
import { tell } from "./tell.ts";
import { messageOf } from "../service/errors.ts";

/** Part of the assembler that is used. Its own types are not imported: installing fastlike would download it. */
export interface Assembler {
  default(): Promise<{
    parseWat(file: string, text: string, features: Partial<Record<string, boolean>>): {
      validate(features: Partial<Record<string, boolean>>): void;
      toBinary(options: { readonly write_debug_names: boolean }): { readonly buffer: Uint8Array };
      destroy(): void;
    };
  }>;
}

/** The package that it is in. */
export const ASSEMBLER = "npm:wabt@1.0.39";

/** Features of WebAssembly that wabt supports only if they are turned on. */
const FEATURES = {
  exceptions: true,
  function_references: true,
  gc: true,
  memory64: true,
  multi_memory: true,
  tail_call: true,
  threads: true,
};

/** Features that it validates by other rules; with `function_references` it would refuse modules that are valid. */
const VALIDATED = { multi_memory: true };

/**
 * Assembles WebAssembly text into a module with a name section.
 *
 * @param file Path, for messages.
 * @throws {Error} If it is not valid; the message is one line with file and position.
 */
export async function assemble(file: string, text: string): Promise<Uint8Array> {
  const options = { use: "text of WebAssembly", tell };
  const assembler = await loadPackage<Assembler>(ASSEMBLER, options);
  const wabt = await assembler.default();
  let module;
  try {
    module = wabt.parseWat(file, text, FEATURES);
    module.validate(VALIDATED);
    return module.toBinary({ write_debug_names: true }).buffer;
  } catch (error) {
    const message = messageOf(error);
    throw new Error(firstError(message));
  } finally {
    module?.destroy();
  }
}

/**
 * Returns the first error of wabt's message, which has all errors, each with its line and marks below it:
 * `\nfile.wat:2:3: error: why\n  (text\n  ^^^`.
 */
function firstError(message: string): string {
  const [, place, why] = /^\S*?:(\d+:\d+): error: (.*)$/m.exec(message) ?? [];
  return why ? `it is not valid in line ${place!.replace(":", ", column ")}: ${why}` : message;
}
