import { machineClock } from "../../util/clock.ts";

const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const IMF_FIXDATE = /^[a-z]{3}, (\d\d) ([a-z]{3}) (\d{4}) (\d\d:\d\d:\d\d) GMT$/i;
const RFC850 = /^[a-z]{6,9}, (\d\d)-([a-z]{3})-(\d\d) (\d\d:\d\d:\d\d) GMT$/i;
const ASCTIME = /^[a-z]{3} ([a-z]{3}) ([ \d]\d) (\d\d:\d\d:\d\d) (\d{4})$/i;

/**
 * Parses an HTTP date in one of the three formats of RFC 9110, section 5.6.7. `Date.parse` would accept numbers as years,
 * and read dates without a zone as local ones.
 *
 * @param now Milliseconds since 1970; a year of two digits is at most 50 years after it. By default the machine's time.
 * @returns Milliseconds since 1970; undefined for any other text.
 */
export function httpDate(value: string | undefined, now = machineClock.now()): number | undefined {
  const text = value?.trim() ?? "";
  const fixed = IMF_FIXDATE.exec(text);
  if (fixed) return millisOf(Number(fixed[3]), fixed[2]!, fixed[1]!, fixed[4]!);
  const old = RFC850.exec(text);
  if (old) {
    return shortYear(Number(old[3]), now, (year) => millisOf(year, old[2]!, old[1]!, old[4]!));
  }
  const asctime = ASCTIME.exec(text);
  return asctime ? millisOf(Number(asctime[4]), asctime[1]!, asctime[2]!, asctime[3]!) : undefined;
}

/**
 * Returns the date in the latest year with these last digits that is at most 50 years after `now`.
 *
 * @param dateIn Returns the date in a given year; undefined if that year does not have it.
 */
function shortYear(
  digits: number,
  now: number,
  dateIn: (year: number) => number | undefined,
): number | undefined {
  const latest = new Date(now);
  latest.setUTCFullYear(latest.getUTCFullYear() + 50);
  const year = Math.floor(latest.getUTCFullYear() / 100) * 100 + digits;
  const date = dateIn(year);
  // `dateIn` is undefined for 29 February in a century year that is no leap year.
  return date !== undefined && date <= latest.getTime() ? date : dateIn(year - 100);
}

function millisOf(year: number, month: string, day: string, time: string): number | undefined {
  const index = MONTHS.indexOf(month.toLowerCase());
  const [hours, minutes, seconds] = time.split(":").map(Number) as [number, number, number];
  // Second 60 is a leap second.
  if (index < 0 || hours > 23 || minutes > 59 || seconds > 60) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, index, Number(day)); // `Date.UTC` would read the years 0 to 99 as 1900 to 1999
  if (date.getUTCMonth() !== index) return undefined;
  return date.setUTCHours(hours, minutes, seconds);
}
