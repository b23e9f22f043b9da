import ts from "npm:typescript@5.9.3";
import { fromFileUrl } from "npm:deno-std@1.4.0/path/from_file_url.js";
import { toFileUrl } from "npm:deno-std@1.4.0/path/to_file_url.js";

/** Options of the TypeScript compiler. It only writes declarations: `deno check` checks the types. */
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ["lib.esnext.d.ts", "lib.dom.d.ts"],
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  allowImportingTsExtensions: true,
  declaration: true,
  emitDeclarationOnly: true,
  noCheck: true,
  stripInternal: true,
};

/**
 * Writes the type declarations (`.d.ts`) of modules and of all that they import.
 *
 * @param root Folder of the sources.
 * @param entries Modules, relative to it.
 * @param to Folder that the declarations are written to, in the same tree.
 * @param extension What relative imports end with: `.js`, which TypeScript takes for the declarations beside it, or
 *   `.d.ts`, which can also be fetched by URL.
 */
export async function writeDeclarations(
  root: URL,
  entries: readonly string[],
  to: URL,
  extension: ".js" | ".d.ts" = ".js",
): Promise<void> {
  const rootDir = fromFileUrl(root);
  const program = ts.createProgram({
    rootNames: entries.map((path) => fromFileUrl(new URL(path, root))),
    options: { ...OPTIONS, rootDir, outDir: fromFileUrl(to) },
  });
  const made = new Map<string, string>();
  program.emit(undefined, (path, text) => made.set(path, text));
  for (const { fileName } of program.getSourceFiles()) {
    // Sources that are declarations themselves are not emitted.
    if (!fileName.startsWith(rootDir) || !fileName.endsWith(".d.ts")) continue;
    if (fileName.includes("/node_modules/")) continue;
    made.set(fromFileUrl(to) + fileName.slice(rootDir.length), await Deno.readTextFile(fileName));
  }
  const roots = entries.map((path) => fromFileUrl(new URL(path.replace(/\.ts$/, ".d.ts"), to)));
  for (const path of reachedFrom(roots, made)) {
    await Deno.mkdir(path.replace(/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(path, linked(made.get(path)!, extension));
  }
}

/** Returns the declarations that the roots import, directly or not; those of modules that only code imports are left out. */
function reachedFrom(roots: readonly string[], made: ReadonlyMap<string, string>): Set<string> {
  const reached = new Set(roots);
  for (const path of reached) {
    for (const [, , specifier] of made.get(path)!.matchAll(RELATIVE)) {
      const found = fromFileUrl(new URL(`${specifier}.d.ts`, toFileUrl(path)));
      if (made.has(found)) reached.add(found); // an example in a comment may name others
    }
  }
  return reached;
}

/** Matches a relative import: the text before its specifier, and the specifier without the extension. */
const RELATIVE = /(\b(?:from|import) |\bimport\()"(\.{1,2}\/[^"]+?)(?:\.d)?\.ts"/g;

function linked(text: string, extension: string): string {
  return text.replace(RELATIVE, `$1"$2${extension}"`);
}
