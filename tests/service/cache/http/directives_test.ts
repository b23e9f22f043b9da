import { directivesOf, secondsOf } from "../../../../service/cache/http/directives.ts";
import { assertEquals } from "../../../assert.ts";
import { fields, lived } from "./_policy.ts";

Deno.test("of a list of ages the first counts, and none that is no number", () => {
  const ages = { "7200,0": 7200, "0, 7200": 0, "7200\nage: 0": 7200, "0\nage: 7200": 0 };
  for (const [age, seconds] of Object.entries(ages)) {
    assertEquals(lived(`age: ${age}`)[1], seconds, age);
  }
  for (const age of ["", ",7200", "abc", "-7200", "7200.0", "7200;a=1", "+5", "0x10"]) {
    assertEquals(lived(`age: ${age}`)[1], 0, age);
  }
});

Deno.test("directives may be quoted, spelled in any case, and on several lines", () => {
  const directives = directivesOf(
    fields('cache-control: Max-Age="10" , x="a, max-age=5"\ncache-control: public,max-age=20'),
    "cache-control",
  );
  assertEquals([...directives], [["max-age", "10"], ["x", "a, max-age=5"], ["public", ""]]);
  assertEquals(secondsOf(directives, "max-age"), 10);
  assertEquals(secondsOf(directives, "public"), 0);
  assertEquals(secondsOf(directives, "s-maxage"), undefined);
});
