import { HostError } from "../../service/errors.ts";
import { checkMethod, checkName, checkValue, HeaderList } from "../../service/headers.ts";
import { assertEquals, assertThrows } from "../assert.ts";

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
