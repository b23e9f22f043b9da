// Compiles the executable of this machine's platform, dist/fastlike:
//
//   deno task compile
import { fromFileUrl } from "npm:deno-std@1.4.0/path/from_file_url.js";
import { compile, refuseWholeDeno, say } from "./compiler.ts";

await refuseWholeDeno();
const suffix = Deno.build.os === "windows" ? ".exe" : "";
const problem = await compile(fromFileUrl(new URL(`../dist/fastlike${suffix}`, import.meta.url)));
say(problem ? `Cannot compile: ${problem}` : `Made dist/fastlike${suffix}`);
if (problem) Deno.exit(1);
