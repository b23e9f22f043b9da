import { assert, assertMatch } from "../../assert.ts";

const SAMPLE = /^([a-z_]+)(?:\{([a-z_0-9]+="(?:[^"\\\n]|\\[\\"n])*",?)+\})? (\S+)$/;

/** The samples of a text in Prometheus's format, by name and labels; checks that each is of a declared metric. */
export function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  let declared = "";
  for (const line of text.trimEnd().split("\n")) {
    const [, kind, name] = /^# (HELP|TYPE) ([a-z_]+) \S/.exec(line) ?? [];
    if (name) {
      assert(kind === "HELP" ? declared !== name : declared === name, line);
      declared = name;
      continue;
    }
    assertMatch(line, SAMPLE);
    const [, of] = SAMPLE.exec(line)!;
    assert([declared, ...["_bucket", "_sum", "_count"].map((end) => declared + end)].includes(of!));
    const at = line.lastIndexOf(" ");
    assert(!samples.has(line.slice(0, at)), `there is another ${line}`);
    samples.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return samples;
}

/** Returns the present samples of an admin listener. */
export async function scrape(admin: string): Promise<Map<string, number>> {
  return samplesOf(await (await fetch(`${admin}/metrics`)).text());
}

/** As `scrape`, once the sample has the value. */
export async function scrapeUntil(
  admin: string,
  name: string,
  value: number,
): Promise<Map<string, number>> {
  for (;;) {
    const samples = await scrape(admin);
    if (samples.get(name) === value) return samples;
  }
}
