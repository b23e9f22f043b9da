import { HostError } from "../../../service/errors.ts";
import { checkMethod, checkName, checkValue, HeaderList } from "../../../service/http/headers.ts";
import { assertEquals, assertThrows } from "../../assert.ts";
import * as fc from "../../properties.ts";

Deno.test("fields keep their case, their order and their repeats", () => {
  const raw = ["B", "1", "a", "2", "b", "3"];
  const headers = new HeaderList(raw);
  assertEquals([...headers], [["B", "1"], ["a", "2"], ["b", "3"]]);
  assertEquals(headers.raw, raw);
  assertEquals([headers.size, [...headers.names()]], [3, ["b", "a"]]);
  assertEquals([headers.get("b"), headers.getAll("B")], ["1", ["1", "3"]]);
  assertEquals([headers.has("A"), headers.has("c"), headers.get("c"), headers.getAll("c")], [
    true,
    false,
    undefined,
    [],
  ]);
});

Deno.test("set replaces all values at the place of the first", () => {
  const headers = new HeaderList(["x", "0", "B", "1", "a", "2", "b", "3"]);
  headers.set("b", "4", "5");
  assertEquals([...headers], [["x", "0"], ["b", "4"], ["b", "5"], ["a", "2"]]);
  headers.set("new", "6");
  assertEquals(headers.raw.slice(-2), ["new", "6"]);
});

Deno.test("set without values removes, as delete does", () => {
  const headers = new HeaderList(["b", "1", "a", "2", "B", "3"]);
  headers.set("B");
  assertEquals(headers.raw, ["a", "2"]);
  assertEquals([headers.delete("a"), headers.delete("a"), headers.size], [true, false, 0]);
});

Deno.test("changes leave the array that was given alone", () => {
  const raw = ["a", "1"];
  const headers = new HeaderList(raw);
  headers.append("b", "2");
  headers.set("a", "3");
  assertEquals(raw, ["a", "1"]);
});

Deno.test("a copy and its original go their own ways", () => {
  const headers = new HeaderList(["a", "1"]);
  headers.append("b", "2");
  const copy = headers.copy();
  headers.append("c", "3");
  copy.append("d", "4");
  assertEquals(headers.raw, ["a", "1", "b", "2", "c", "3"]);
  assertEquals(copy.raw, ["a", "1", "b", "2", "d", "4"]);
  const second = copy.copy();
  copy.delete("a");
  second.set("a", "9");
  assertEquals([copy.get("a"), second.get("a")], [undefined, "9"]);
});

Deno.test("a name is a token of at most 65535 bytes", () => {
  for (const name of ["a", "X-A", "!#$%&'*+-.^_`|~09", "x".repeat(65_535)]) {
    assertEquals(checkName(name), name);
  }
  for (const name of ["", " ", "a b", "a:", "a\n", "\u00e4", "(x)", "a\0"]) {
    assertEquals(assertThrows(() => checkName(name), HostError).kind, "failed");
  }
  assertEquals(assertThrows(() => checkName("x".repeat(65_536)), HostError).kind, "invalid");
});

Deno.test("a value is anything but control characters, save the tab", () => {
  for (const value of ["", " a ", "a\tb", "\x80\xff", "~"]) assertEquals(checkValue(value), value);
  for (const value of ["\0", "a\r", "a\nb", "\x1f", "\x7f"]) {
    assertEquals(assertThrows(() => checkValue(value), HostError).kind, "failed");
  }
});

Deno.test("a method is any token, in its own case", () => {
  for (const method of ["GET", "heLLo", "M-SEARCH"]) assertEquals(checkMethod(method), method);
  for (const method of ["", "GE T", "GET\r\n", "G/T"]) {
    assertThrows(() => checkMethod(method), HostError);
  }
});

/** Model of a list of fields, in the plainest code. */
class PlainList {
  raw: string[] = [];

  append(name: string, value: string): void {
    this.raw.push(name, value);
  }

  set(name: string, ...values: string[]): void {
    const fields = this.pairs();
    const is = ([other]: readonly string[]) => other!.toLowerCase() === name.toLowerCase();
    const first = fields.findIndex(is);
    const place = first < 0 ? fields.length : first;
    const before = fields.slice(0, place);
    const after = fields.slice(place).filter((field) => !is(field));
    this.raw = [...before, ...values.map((value) => [name, value]), ...after].flat();
  }

  pairs(): string[][] {
    return Array.from({ length: this.raw.length / 2 }, (_, i) => this.raw.slice(2 * i, 2 * i + 2));
  }

  getAll(name: string): string[] {
    return this.pairs().filter(([other]) => other!.toLowerCase() === name).map(([, value]) =>
      value!
    );
  }
}

Deno.test("a list with many fields is as one with few, whatever is done to it", () => {
  const name = fc.integer({ min: 0, max: 150 }).map((n) => n % 2 ? `N${n}` : `n${n % 40}`);
  const value = fc.string({ maxLength: 3 });
  const act = fc.oneof(
    fc.record({ act: fc.constant("append" as const), name, values: fc.tuple(value) }),
    fc.record({
      act: fc.constant("set" as const),
      name,
      values: fc.array(value, { maxLength: 3 }),
    }),
    fc.record({ act: fc.constant("look" as const), name, values: fc.constant([] as string[]) }),
  );
  fc.assert(fc.property(
    fc.array(act, { minLength: 100, maxLength: 300, size: "max" }),
    fc.integer({ min: 0, max: 120 }),
    (acts, given) => {
      const start = Array.from({ length: given }, (_, i) => [`n${i}`, `${i}`]).flat();
      const [plain, list] = [new PlainList(), new HeaderList(start)];
      plain.raw = [...start];
      list.bytes;
      let copied: { readonly copy: HeaderList; readonly raw: readonly string[] } | undefined;
      for (const { act, name, values } of acts) {
        const key = name.toLowerCase();
        if (act === "append") [plain, list].forEach((each) => each.append(name, values[0]!));
        else if (act === "set") [plain, list].forEach((each) => each.set(name, ...values));
        else if (name.endsWith("7")) copied = { copy: list.copy(), raw: [...plain.raw] };
        else {assertEquals([list.get(key), list.getAll(key)], [
            plain.getAll(key)[0],
            plain.getAll(key),
          ]);}
      }
      assertEquals(list.size, plain.raw.length / 2);
      assertEquals(list.bytes, plain.raw.join("").length + plain.raw.length * 2);
      const names = new Set(plain.pairs().map(([name]) => name!.toLowerCase()));
      assertEquals(list.names(), [...names]);
      assertEquals(list.raw, plain.raw);
      if (copied) assertEquals(copied.copy.raw, copied.raw, "a copy stays as it was");
    },
  ));
});

Deno.test("operations on a list take no longer with many fields", () => {
  // With a scan of all fields for each of these the test would not end.
  const count = 200_000;
  const names = Array.from({ length: count }, (_, i) => `n${i}`);
  const distinct = new HeaderList(names.flatMap((name) => [name, "a"]));
  const same = new HeaderList(names.flatMap(() => ["same", "a"]));
  for (const list of [distinct, same]) {
    for (const name of names) list.get(name);
    for (const name of names) list.append(name, "b");
    for (const name of names) list.getAll(name);
    for (const name of names) list.set(name, "c");
  }
  assertEquals([distinct.size, same.size], [count, 2 * count]);
  for (const name of names) distinct.delete(name);
  assertEquals(distinct.raw, []);
});
