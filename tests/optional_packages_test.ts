/**
 * Packages that are downloaded at first use. Their types are declared in the sources, so that installing fastlike does
 * not bring them: `deno check` compares those declarations with the packages' own here.
 */
import * as redis from "npm:@redis/client@6.3.1";
import * as x509 from "npm:@peculiar/x509@1.14.3";
import sharp from "npm:sharp@0.35.5";
import initialize from "npm:wabt@1.0.39";
import { CODEC, type Codec } from "../drivers/images/sharp.ts";
import { CLIENT, type Client } from "../drivers/redis/client.ts";
import { ASSEMBLER, type Assembler } from "../cli/wat.ts";
import { MAKER, type X509 } from "../cli/tls/x509.ts";
import { ROOT } from "./_graph.ts";
import { assertEquals } from "./assert.ts";

/** Parts of each package that the sources use, with the package's own types. */
const codec: Codec = sharp;
const client: Client = redis;
const assembler: Assembler = { default: initialize };
const maker: X509<x509.Name, x509.PublicKey, x509.Extension> = x509;

Deno.test("each optional package is of the version whose types are compared here, and on the page", async () => {
  const used: readonly (readonly [string, unknown])[] = [
    [CODEC, codec],
    [ASSEMBLER, assembler.default],
    [CLIENT, client.createClient],
    [MAKER, maker.X509Certificate],
  ];
  for (const [specifier, value] of used) {
    assertEquals([specifier, typeof value], [specifier, "function"]);
  }
  const specifiers = used.map(([specifier]) => specifier);
  const here = await Deno.readTextFile(new URL(import.meta.url));
  const page = await Deno.readTextFile(new URL("docs/install.md", ROOT));
  const [, table] = /^## Packages\n(.*?)^## /ms.exec(page)!;
  const shown = Array.from(table!.matchAll(/^\|.*`(npm:\S+)`/gm), ([, specifier]) => specifier);
  assertEquals(specifiers.filter((specifier) => !here.includes(`from "${specifier}"`)), []);
  assertEquals(shown, specifiers);
});
