/** The checkout, with a slash at the end. */
export const ROOT = new URL("../", import.meta.url);

/** One import, of values or of types. */
export interface Import {
  /** Specifier as it is in the source. */
  readonly specifier: string;
  /** Path in the checkout, or URL of a module outside it. */
  readonly target: string;
  /** Whether only types come of it. */
  readonly typeOnly: boolean;
  /** Whether it is imported by a call, when it is needed. */
  readonly late: boolean;
}

/** Imports of each file of a graph, by its path in the checkout; empty for files outside it. */
type Graph = ReadonlyMap<string, readonly Import[]>;

interface Info {
  readonly modules: readonly {
    readonly specifier: string;
    readonly error?: string;
    readonly dependencies?: readonly {
      readonly specifier: string;
      readonly code?: { readonly specifier?: string; readonly error?: string };
      readonly type?: { readonly specifier?: string; readonly error?: string };
      readonly isDynamic?: boolean;
    }[];
  }[];
}

/** Everything that a file of the checkout reaches, itself included. */
export async function graphOf(entry: string): Promise<Graph> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`Cannot read the graph of ${entry}: ${decoder.decode(stderr)}`);
  const { modules } = JSON.parse(decoder.decode(stdout)) as Info;
  const graph = new Map<string, readonly Import[]>();
  for (const { specifier, error, dependencies = [] } of modules) {
    if (error) throw new Error(`Cannot read the graph of ${entry}: ${error}`);
    // A pragma gives an import two targets: the code and its types.
    const imports = dependencies.flatMap(({ specifier, code, type, isDynamic: late = false }) => {
      const targets = [code?.specifier, type?.specifier].filter((target) => target !== undefined);
      const typeOnly = code === undefined;
      return [...new Set(targets)].map((target) => ({
        specifier,
        target: pathOf(target),
        typeOnly,
        late,
      }));
    });
    graph.set(pathOf(specifier), imports);
  }
  return graph;
}

/** The graphs as one. */
export function union(...graphs: readonly Graph[]): Graph {
  return new Map(graphs.flatMap((graph) => [...graph]));
}

/** Modules that are loaded with a file: itself, and all that it reaches by imports of code that are not late. */
export function loadedWith(graph: Graph, entry: string, found = new Set<string>()): Set<string> {
  if (found.has(entry)) return found;
  found.add(entry);
  for (const { target, typeOnly, late } of graph.get(entry) ?? []) {
    if (!typeOnly && !late) loadedWith(graph, target, found);
  }
  return found;
}

/** The files of the checkout in the graph. */
export function filesOf(graph: Graph): string[] {
  return [...graph.keys()].filter((path) => !path.includes(":"));
}

/** The circles in which files import each other, each as its files in order. */
export function cyclesOf(graph: Graph): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (path: string) => {
    if (done.has(path)) return;
    const at = way.indexOf(path);
    if (at >= 0) return void cycles.push([...way.slice(at), path]);
    way.push(path);
    for (const { target } of graph.get(path) ?? []) visit(target);
    way.pop();
    done.add(path);
  };
  for (const path of graph.keys()) visit(path);
  return cycles;
}

/** The first part of a path in the checkout; of a file at the top its name. */
export function directoryOf(path: string): string {
  return path.split("/")[0]!;
}

/** Every TypeScript file of the checkout, by its path. */
export async function sourcesOf(directory = ""): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(directory, ROOT))) {
    if (isDirectory) {
      if (SKIPPED.has(name)) continue;
      paths.push(...await sourcesOf(`${directory}${name}/`));
    } else if (name.endsWith(".ts")) paths.push(directory + name);
  }
  return paths.sort();
}

/** Files of the checkout that a file imports by relative paths, as they are written. */
export async function importedBy(path: string): Promise<string[]> {
  const text = await Deno.readTextFile(new URL(path, ROOT));
  const specifiers = text.matchAll(/(?:\bfrom |\bimport[ (])"(\.\.?\/[^"]+)"/g);
  return Array.from(specifiers, ([, specifier]) => pathOf(new URL(specifier!, ROOT + path).href));
}

const SKIPPED: ReadonlySet<string> = new Set([".git", "node_modules", "target", "dist"]);

/** Functions by kind of node. Each returns a finding for a node, or undefined. */
export type Finder = {
  readonly [S in keyof Deno.lint.LintVisitor]?: (
    node: Parameters<NonNullable<Deno.lint.LintVisitor[S]>>[0],
  ) => string | undefined;
};

/**
 * Looks through the syntax of a file; comments and strings are no code. Deno (2.9.6) skips the statements after an empty
 * one in its block; `deno fmt` leaves none.
 */
export async function findIn(path: string, finder: Finder): Promise<string[]> {
  const source = await Deno.readTextFile(new URL(path, ROOT));
  const create = (context: Deno.lint.RuleContext): Deno.lint.LintVisitor =>
    Object.fromEntries(
      Object.entries(finder).map(([selector, find]) => [selector, (node: Deno.lint.Node) => {
        const message = (find as (node: Deno.lint.Node) => string | undefined)(node);
        if (message !== undefined) context.report({ node, message });
      }]),
    );
  const plugin: Deno.lint.Plugin = { name: "rules", rules: { rule: { create } } };
  return Deno.lint.runPlugin(plugin, path.split("/").at(-1)!, source).map(({ message, range }) =>
    `${path}:${source.slice(0, range[0]).split("\n").length}: ${message}`
  );
}

function pathOf(url: string): string {
  return url.startsWith(ROOT.href) ? decodeURIComponent(url.slice(ROOT.href.length)) : url;
}
