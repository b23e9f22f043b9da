import { machineClock } from "../../util/clock.ts";

const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const IMF_FIXDATE = /^[a-z]{3}, (\d\d) ([a-z]{3}) (\d{4}) (\d\d:\d\d:\d\d) GMT$/i;
const RFC850 = /^[a-z]{6,9}, (\d\d)-([a-z]{3})-(\d\d) (\d\d:\d\d:\d\d) GMT$/i;
const ASCTIME = /^[a-z]{3} ([a-z]{3}) ([ \d]\d) (\d\d:\d\d:\d\d) (\d{4})$/i;

/**
 * Reads a date of HTTP in one of the three forms of RFC 9110 5.6.7. `Date.parse` would take numbers for years, and dates
 * without a zone for local ones.
 *
 * @param now Milliseconds since 1970. A year of two digits is the latest that is at most 50 years after it.
 * @returns Milliseconds since 1970; undefined for anything that is no such date.
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

/** @param dateIn The date in a given year. */
function shortYear(
  digits: number,
  now: number,
  dateIn: (year: number) => number | undefined,
): number | undefined {
  const latest = new Date(now);
  latest.setUTCFullYear(latest.getUTCFullYear() + 50);
  const year = Math.floor(latest.getUTCFullYear() / 100) * 100 + digits;
  const date = dateIn(year);
  // 29 February is in some centuries only.
  return date !== undefined && date <= latest.getTime() ? date : dateIn(year - 100);
}

function millisOf(year: number, month: string, day: string, time: string): number | undefined {
  const index = MONTHS.indexOf(month.toLowerCase());
  const [hours, minutes, seconds] = time.split(":").map(Number) as [number, number, number];
  // A second of 60 is a leap second.
  if (index < 0 || hours > 23 || minutes > 59 || seconds > 60) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, index, Number(day)); // `Date.UTC` takes the years 0 to 99 for those of 1900
  if (date.getUTCMonth() !== index) return undefined;
  return date.setUTCHours(hours, minutes, seconds);
}
