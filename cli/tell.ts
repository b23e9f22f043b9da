const ENCODER = new TextEncoder();

/** Writes a line to standard error, for messages before there is a log. */
export function tell(line: string): void {
  Deno.stderr.writeSync(ENCODER.encode(`${line}\n`));
}
