/**
 * Parts of pages that are made from tables of the code: flags and limits. `deno task tables` writes them; a test
 * compares them.
 *
 * @module
 */
import type { Flag } from "../cli/flags/flag.ts";
import { SECTIONS } from "../cli/flags/table.ts";
import { DESCRIBED_LIMITS } from "../service/limits.ts";
import { table, withPart } from "./markdown.ts";

/** Part of a page: its place, and its text as it should be. */
interface Part {
  /** The page's path in the checkout. */
  readonly page: string;
  /** The marks around it: `<!-- name -->` and `<!-- /name -->`. */
  readonly name: string;
  readonly text: string;
}

export const PARTS: readonly Part[] = [
  { page: "docs/limits.md", name: "limits", text: limitsTable() },
  { page: "docs/fastly.toml.md", name: "limits", text: limitsToml() },
  { page: "docs/flags.md", name: "flags", text: flagTables() },
];

/** The page as it should be now. */
export async function pageWith({ page, name, text }: Part): Promise<string> {
  return withPart(await Deno.readTextFile(urlOf(page)), name, text);
}

function limitsTable(): string {
  const rows = DESCRIBED_LIMITS.map(({ name, value, bounds, beyond, byDefault }) => [
    `\`${name}\``,
    byDefault ?? value,
    bounds,
    beyond,
  ]);
  return table([["limit", "default", "of what", "beyond it"], ...rows]);
}

function limitsToml(): string {
  const lines = DESCRIBED_LIMITS.map(({ name, value, bounds, byDefault }) => {
    const pair = `${name} = ${/^\d+$/.test(value) ? value : `"${value}"`}`;
    return `${pair.padEnd(24)} # ${bounds}${byDefault ? `; not set: ${byDefault}` : ""}`;
  });
  return ["```toml", "[local_server.limits]", ...lines, "```"].join("\n");
}

function flagTables(): string {
  return SECTIONS.map(([heading, flags]) => {
    const rows = Object.entries(flags).map(([name, flag]) => [
      formOf(name, flag),
      flag.commands?.join(", ") ?? "serve, run",
      cell(flag.help + (flag.repeats ? ". May be repeated" : "")),
    ]);
    return `## ${heading}\n\n${table([["flag", "of", "what it does"], ...rows])}`;
  }).join("\n\n");
}

function formOf(name: string, { short, value }: Flag): string {
  const long = `\`--${name}${value ? ` ${value}` : ""}\``;
  return short ? `\`-${short}\`, ${long}` : long;
}

/** Text in a table's cell, with Markdown's signs escaped. */
function cell(text: string): string {
  return text.replace(/[|*_<>[\]]/g, "\\$&");
}

function urlOf(page: string): URL {
  return new URL(`../${page}`, import.meta.url);
}

if (import.meta.main) {
  for (const part of PARTS) await Deno.writeTextFile(urlOf(part.page), await pageWith(part));
}
