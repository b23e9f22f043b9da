import { assert, assertEquals } from "../assert.ts";
import { declaredCalls, knownCalls } from "./_matrix.ts";
import { FROM_OPTIONS, PAGE, REFUSED, supportPage } from "./_support.ts";

const known = knownCalls.map(({ module, name }) => `${module}.${name}`);

Deno.test("docs/support.md is the output of `deno task matrix`", async () => {
  assert(
    await Deno.readTextFile(PAGE) === supportPage(),
    "docs/support.md is not up to date: run deno task matrix",
  );
});

Deno.test("every option of the support page is for calls that there are", () => {
  const idle = FROM_OPTIONS.filter(({ calls }) => !known.some((key) => calls.test(key)));
  assertEquals(idle.map(({ option, field }) => [option, field]), []);
});

Deno.test("every refusal of the support page is of a call that is declared", () => {
  const declared = declaredCalls.map(({ module, name }) => `${module}.${name}`);
  assertEquals(Object.keys(REFUSED).filter((key) => !declared.includes(key)), []);
});
