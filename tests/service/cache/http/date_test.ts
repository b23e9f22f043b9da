import { httpDate } from "../../../../service/cache/http/date.ts";
import { assertEquals } from "../../../assert.ts";
import { lived, MADE, NOW } from "./_policy.ts";

Deno.test("dates have the three forms of HTTP", () => {
  assertEquals(httpDate(MADE), NOW);
  assertEquals(httpDate("Sunday, 06-Nov-94 08:49:37 GMT"), NOW);
  assertEquals(httpDate("Sun Nov  6 08:49:37 1994"), NOW);
  for (const value of [undefined, "0", "1994", "6 Nov 1994", "Sun, 06 Nov 1994 08:49:37 +0100"]) {
    assertEquals(httpDate(value), undefined);
  }
});

Deno.test("a year of two digits is the latest that is at most 50 years ahead", () => {
  const now = Date.parse("2026-11-26T12:00:00Z");
  const yearOf = (year: string, at = now) =>
    new Date(httpDate(`Monday, 26-Nov-${year} 12:00:00 GMT`, at)!).getUTCFullYear();
  assertEquals(["26", "49", "50", "76", "77", "94", "00"].map((year) => yearOf(year)), [
    ...[2026, 2049, 2050, 2076, 1977, 1994, 2000],
  ]);
  assertEquals(yearOf("76", now - 1000), 1976, "one second more than 50 years");
  assertEquals(yearOf("01", Date.parse("2099-01-01T00:00:00Z")), 2101);
  const day = "Tuesday, 29-Feb-00 00:00:00 GMT";
  assertEquals(httpDate(day, Date.parse("2070-01-01T00:00:00Z")), Date.UTC(2000, 1, 29));
  assertEquals(lived("expires: Monday, 26-Nov-60 12:00:10 GMT", now), [
    Math.floor((Date.UTC(2060, 10, 26, 12, 0, 10) - now) / 1000),
    ...[0, 0, 0],
  ]);
});

Deno.test("a date that no calendar has is none", () => {
  for (
    const value of [
      "Sun, 31 Feb 2026 08:49:37 GMT",
      "Sun, 00 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 24:00:00 GMT",
      "Sun, 06 Nov 1994 08:60:37 GMT",
      "Sun, 06 Nov 1994 08:49:61 GMT",
      "Sun, 06 Foo 1994 08:49:37 GMT",
      "Sunday, 31-Feb-94 08:49:37 GMT",
      "Sun Feb 30 08:49:37 1994",
      "Sun, 06 Nov 1994 08:49:37",
    ]
  ) assertEquals(httpDate(value), undefined, value);
  assertEquals(httpDate("Sat, 31 Dec 2016 23:59:60 GMT"), Date.UTC(2017, 0, 1));
  assertEquals(new Date(httpDate("Sat, 01 Jan 0050 00:00:00 GMT")!).getUTCFullYear(), 50);
});
