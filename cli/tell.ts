const ENCODER = new TextEncoder();

/** Writes a line to the standard error, for what has to be said before there is a log, or beside it. */
export function tell(line: string): void {
  Deno.stderr.writeSync(ENCODER.encode(`${line}\n`));
}
