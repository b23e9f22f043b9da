import { type Manifest, parseManifest } from "../../../cli/manifest/mod.ts";
import { ManifestError } from "../../../cli/manifest/document.ts";
import { assertEquals, assertRejects } from "../../assert.ts";

/** Text in the shape of a certificate. */
export const PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";

/** Files and variables that a manifest can read. */
export interface Surroundings {
  /** Contents by path, or why they cannot be read; may change between two reads. */
  readonly files?: Record<string, string | Uint8Array | Error>;
  /** As the machine has it. */
  readonly versionOf?: (path: string) => string | undefined;
  readonly env?: Readonly<Record<string, string>>;
  /** The manifest's path. */
  readonly file?: string;
}

/**
 * Reads a manifest among files that are made up, and gives it with its warnings. `warned` resolves at the next one: the
 * place of a fault in a JSON file is found a little later.
 */
export async function read(
  text: string,
  { files = {}, versionOf, env = {}, file = "fastly.toml" }: Surroundings = {},
): Promise<Manifest & { warnings: string[]; warned: Promise<void> }> {
  const warnings: string[] = [];
  const { promise: warned, resolve } = Promise.withResolvers<void>();
  const manifest = await parseManifest(text, file, {
    read: (path) => {
      const content = files[path];
      if (content instanceof Error) throw content;
      return typeof content === "string" ? new TextEncoder().encode(content) : content;
    },
    ...versionOf && { versionOf },
    env: (name) => env[name],
    warn(line) {
      warnings.push(line);
      resolve();
    },
    openDatabase: (bytes) =>
      bytes.length
        ? Promise.resolve((ip) => ({ city: `the database's of ${ip}` }))
        : Promise.reject(new Error("it is empty")),
  });
  return { ...manifest, warnings, warned };
}

/** The options of a manifest. */
export async function options(
  text: string,
  surroundings?: Surroundings,
): Promise<Manifest["options"]> {
  return (await read(text, surroundings)).options;
}

/** Asserts that a manifest is refused with this one line, after the part that all such lines share. */
export async function assertRefused(
  text: string,
  message: string,
  surroundings?: Surroundings,
): Promise<void> {
  const error = await assertRejects(() => read(text, surroundings), ManifestError);
  assertEquals(
    error.message,
    message.startsWith("Cannot") ? message : `Cannot read fastly.toml: ${message}`,
  );
}
