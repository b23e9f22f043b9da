/** A table as `deno fmt` leaves it. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(2, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[], filler = " ") =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!, filler)).join(" | ")} |`;
  const [head, ...body] = rows;
  return [line(head!), line(head!.map(() => ""), "-"), ...body.map((row) => line(row))].join("\n");
}

/** The page with other text between `<!-- name -->` and `<!-- /name -->`. */
export function withPart(page: string, name: string, text: string): string {
  const marks = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`);
  if (!marks.test(page)) throw new Error(`The page has no <!-- ${name} -->`);
  return page.replace(marks, (_, begin, end) => `${begin}\n${text}\n\n${end}`);
}
