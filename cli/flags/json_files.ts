/** Files by the name of their store, as the tables of stores in a fastly.toml; a store without a file is an empty list. */
export function asJsonFiles(
  files: Readonly<Record<string, string | undefined>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(files).map(([name, file]) => [name, file === undefined ? [] : asJsonFile(file)]),
  );
}

/** A JSON file, as the table of fastly.toml that names it. */
export function asJsonFile(file: string): Record<string, unknown> {
  return { file, format: "json" };
}

/** A JSON file or a MaxMind database, as the table of fastly.toml that names it. */
export function asLookupFile(file: string): Record<string, unknown> {
  return { file, format: file.endsWith(".mmdb") ? "mmdb" : "json" };
}
