// Runs the properties of tests in many rounds from new seeds, and says how to replay a failure:
//
//   deno task explore [rounds] [files…] [flags of deno test…]
import { importedBy, ROOT, sourcesOf } from "./_graph.ts";

const TEST = ["test", "-A", "--lock=tests/deno.lock"];

/** Whether a test has properties, its own or those of a contract. */
async function hasProperties(path: string, seen = new Set<string>()): Promise<boolean> {
  if (path === "tests/properties.ts") return true;
  if (!path.startsWith("tests/") || seen.has(path)) return false;
  seen.add(path);
  for (const target of await importedBy(path)) if (await hasProperties(target, seen)) return true;
  return false;
}

const [rounds, ...args] = /^\d+$/.test(Deno.args[0] ?? "") ? Deno.args : ["100", ...Deno.args];
const seed = `${Math.floor(Math.random() * 2 ** 31)}`;
if (!args[0] || args[0].startsWith("-")) {
  for (const path of await sourcesOf("tests/")) {
    if (path.endsWith("_test.ts") && await hasProperties(path)) args.unshift(path);
  }
}
const { code } = await new Deno.Command(Deno.execPath(), {
  args: [...TEST, ...args],
  cwd: ROOT,
  env: { PROPERTY_ROUNDS: rounds!, PROPERTY_SEED: seed },
}).spawn().status;
if (code !== 0) {
  // deno-lint-ignore no-console
  console.log(`
The seeds began with ${seed}. With the seed and the path of a failure, as they are above, it is replayed by

  PROPERTY_SEED=… PROPERTY_PATH=… deno ${TEST.join(" ")} --filter "<name of the test>" <its file>`);
}
Deno.exit(code);
