/** Links of the project's pages: each leads to a file, and to a heading of it. */
import { extname, fromFileUrl } from "npm:deno-std@1.4.0/path/mod.js";
import { assert, assertEquals } from "./assert.ts";

const ROOT = new URL("../", import.meta.url);
/** Folders whose pages are other people's, or are made. */
const FOREIGN = /^(node_modules|dist|built|target|vendor|\.git)$/;

/** Every page of the checkout, by its URL. */
async function pagesIn(folder: URL): Promise<URL[]> {
  const pages: URL[] = [];
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    if (isFile && extname(name) === ".md") pages.push(new URL(name, folder));
    if (isDirectory && !FOREIGN.test(name) && !name.startsWith(".venv")) {
      pages.push(...await pagesIn(new URL(`${name}/`, folder)));
    }
  }
  return pages;
}

/** A page's text without its code. */
function proseOf(text: string): string {
  return text.replace(/^ *(```+)[^]*?^ *\1$/gm, "").replace(
    /`[^`\n]*`/g,
    (code) => "x".repeat(code.length),
  );
}

/** Targets of links: `[text](target)` and `[name]: target`. */
function targetsOf(text: string): string[] {
  const prose = proseOf(text);
  const inline = prose.matchAll(/\]\(\s*<?([^)>\s]+)>?(?:\s+"[^"]*")?\s*\)/g);
  const named = prose.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm);
  return [...inline, ...named].map(([, target]) => target!);
}

/** Anchors of a page's headings, as the web pages of repositories make them. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  const code = /^ *(```+)[^]*?^ *\1$/gm;
  for (const [, heading] of text.replace(code, "").matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const plain = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = plain.replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-");
    let anchor = slug;
    for (let i = 1; anchors.has(anchor); i++) anchor = `${slug}-${i}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Returns the fault of a link, or undefined. */
async function faultOf(page: URL, target: string): Promise<string | undefined> {
  if (/^(https?|mailto):/.test(target)) return undefined;
  const url = new URL(target, page);
  const hash = decodeURIComponent(url.hash.slice(1));
  url.hash = "";
  if (!url.href.startsWith(ROOT.href)) return "it leads out of the checkout";
  let file;
  try {
    file = await Deno.stat(url);
  } catch {
    return "there is no such file";
  }
  if (!hash) return undefined;
  if (file.isDirectory || extname(fromFileUrl(url)) !== ".md") return "only pages have headings";
  return anchorsOf(await Deno.readTextFile(url)).has(hash) ? undefined : "there is no such heading";
}

const pages = await pagesIn(ROOT);

Deno.test("every relative link of a page leads to a file, and its anchor to a heading", async () => {
  const faults: string[] = [];
  let checked = 0;
  for (const page of pages) {
    for (const target of targetsOf(await Deno.readTextFile(page))) {
      const fault = await faultOf(page, target);
      if (fault) faults.push(`${page.href.slice(ROOT.href.length)}: ${target}: ${fault}`);
      checked++;
    }
  }
  assertEquals(faults, []);
  assert(checked > 100, `${checked} links were found`);
});

Deno.test("the check of links finds broken ones, and skips code", async () => {
  const page = new URL("docs/README.md", ROOT);
  const text =
    "[a](nowhere.md) `[b](no.md)` [c](limits.md#no-such)\n\n```md\n[d](no.md)\n```\n\n[e]: no.md\n";
  const faults = await Promise.all(targetsOf(text).map((target) => faultOf(page, target)));
  assertEquals(faults, [
    "there is no such file",
    "there is no such heading",
    "there is no such file",
  ]);
});

Deno.test("the index leads to every page of docs/", async () => {
  const index = new URL("docs/README.md", ROOT);
  const linked = targetsOf(await Deno.readTextFile(index)).map((target) =>
    new URL(target, index).href
  );
  const docs = pages.filter(({ href }) => href.startsWith(new URL("docs/", ROOT).href));
  const lost = docs.filter(({ href }) => href !== index.href && !linked.includes(href));
  assertEquals(lost.map(({ href }) => href), []);
});
