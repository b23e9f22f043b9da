import { type Linked, LinkedList } from "../../../service/util/linked_list.ts";
import { assertEquals } from "../../assert.ts";
import * as fc from "../../properties.ts";

interface Item extends Linked<Item> {
  readonly name: number;
}

Deno.test("whatever is added and removed, the items are in the order of their arrival", () => {
  const step = fc.record({ name: fc.nat(9), leaves: fc.boolean() });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const line = new LinkedList<Item>();
    const items = Array.from({ length: 10 }, (_, name): Item => ({ name }));
    let expected: number[] = [];
    for (const { name, leaves } of steps) {
      const here = expected.includes(name);
      if (leaves) {
        assertEquals(line.remove(items[name]!), here);
        expected = expected.filter((other) => other !== name);
      } else if (!here) {
        line.add(items[name]!);
        expected.push(name);
      }
      assertEquals(line.all().map(({ name }) => name), expected);
      assertEquals(line.length, expected.length);
      assertEquals([line.oldest?.name, line.newest?.name], [expected[0], expected.at(-1)]);
    }
    line.clear();
    assertEquals([line.length, line.all()], [0, []]);
  }));
});

Deno.test("a removed item has no references, so that it keeps no other alive", () => {
  const line = new LinkedList<Item>();
  const items = [1, 2, 3].map((name): Item => ({ name }));
  for (const item of items) line.add(item);
  line.remove(items[1]!);
  assertEquals(items[1], { name: 2, older: undefined, newer: undefined });
  assertEquals(line.all(), [items[0]!, items[2]!]);
});
