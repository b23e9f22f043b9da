const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const IMF_FIXDATE = /^[a-z]{3}, (\d\d) ([a-z]{3}) (\d{4}) (\d\d:\d\d:\d\d) GMT$/i;
const RFC850 = /^[a-z]{6,9}, (\d\d)-([a-z]{3})-(\d\d) (\d\d:\d\d:\d\d) GMT$/i;
const ASCTIME = /^[a-z]{3} ([a-z]{3}) ([ \d]\d) (\d\d:\d\d:\d\d) (\d{4})$/i;

/**
 * A date of HTTP in milliseconds since 1970; undefined for anything but the three forms of RFC 9110 5.6.7. `Date.parse`
 * takes numbers for years, and dates without a zone for local ones.
 */
export function httpDate(value: string | undefined): number | undefined {
  const text = value?.trim() ?? "";
  const [, day, month, year, time] = IMF_FIXDATE.exec(text) ?? RFC850.exec(text) ?? [];
  if (day !== undefined) return millisOf(fullYear(year!), month!, day, time!);
  const [, month2, day2, time2, year2] = ASCTIME.exec(text) ?? [];
  return month2 === undefined ? undefined : millisOf(Number(year2), month2, day2!, time2!);
}

function millisOf(year: number, month: string, day: string, time: string): number | undefined {
  const index = MONTHS.indexOf(month.toLowerCase());
  const [hours, minutes, seconds] = time.split(":").map(Number);
  return index < 0 ? undefined : Date.UTC(year, index, Number(day), hours, minutes, seconds);
}

/** Of two digits those up to 49 are of this century (RFC 9110 5.6.7 would have it move on). */
function fullYear(year: string): number {
  if (year.length === 4) return Number(year);
  return Number(year) + (Number(year) < 50 ? 2000 : 1900);
}
