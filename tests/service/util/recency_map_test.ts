import { RecencyMap } from "../../../service/util/recency_map.ts";
import { assertEquals } from "../../assert.ts";
import * as fc from "../../properties.ts";

Deno.test("keys are in the order of their last use, as in a map where they are set again", () => {
  const steps = fc.array(
    fc.record({ do: fc.constantFrom("set", "use", "get", "delete"), key: fc.nat(6) }),
    { maxLength: 60 },
  );
  fc.assert(fc.property(steps, (steps) => {
    const map = new RecencyMap<number, number>();
    const model = new Map<number, number>();
    for (const [i, step] of steps.entries()) {
      const { key } = step;
      const value = model.get(key);
      if (step.do === "get") assertEquals(map.get(key), value);
      if (step.do === "use") assertEquals(map.use(key), value);
      if (step.do === "delete") assertEquals(map.delete(key), model.delete(key));
      if (step.do === "set" || (step.do === "use" && value !== undefined)) {
        model.delete(key);
        model.set(key, step.do === "set" ? i : value!);
      }
      if (step.do === "set") map.set(key, i);
      assertEquals([map.size, map.oldest], [model.size, model.keys().next().value]);
    }
    const order: number[] = [];
    for (let key; (key = map.oldest) !== undefined; map.delete(key)) order.push(key);
    assertEquals(order, [...model.keys()]);
  }));
});
