/** Returns files by the name of their store in the form of fastly.toml's tables; a store without a file is an empty list. */
export function asJsonFiles(
  files: Readonly<Record<string, string | undefined>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(files).map(([name, file]) => [name, file === undefined ? [] : asJsonFile(file)]),
  );
}

/** Returns a JSON file in the form of fastly.toml's table. */
export function asJsonFile(file: string): Record<string, unknown> {
  return { file, format: "json" };
}

/** Returns a JSON file or a MaxMind database in the form of fastly.toml's table. */
export function asLookupFile(file: string): Record<string, unknown> {
  return { file, format: file.endsWith(".mmdb") ? "mmdb" : "json" };
}
