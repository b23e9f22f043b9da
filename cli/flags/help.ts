import { DESCRIBED_LIMITS } from "../../service/limits.ts";
import type { CommandName, Flag } from "./flag.ts";
import { SECTIONS } from "./table.ts";
import { wrap } from "./wrap.ts";

/** Column at which the descriptions of flags begin. */
const COLUMN = 26;
const WIDTH = 100;

const COMMANDS = `Runs a Fastly Compute program on this machine.

Usage: fastlike [serve] [flags] [guest.wasm]
       fastlike run [flags] guest.wasm [-- arguments of the guest]
       fastlike help [serve | run]
       fastlike trust [--uninstall] [--system]
       fastlike completions bash | zsh | fish
       fastlike version

"serve" answers HTTP requests. "run" runs the program once, with its output and its exit
status as the command's own: what cargo test and go test -exec need. A program may be .wat.
"trust" makes browsers, and with --system the system, trust the certificates of --https.
"completions" prints a script for a shell, as in: source <(fastlike completions bash)
`;

const SERVE = `Serves a Fastly Compute program over HTTP.

Usage: fastlike [serve] [flags] [guest.wasm]
`;

const RUN =
  `Runs a Fastly Compute program once, with its output and its exit status as the command's own: what
cargo test and go test -exec need.

Usage: fastlike run [flags] guest.wasm [-- arguments of the guest]

Behind the program, flags count up to the first word that is none; the rest is the guest's.
`;

const MANNERS = `
Flags win over fastly.toml, name by name. They may have one dash or two, and take
their value with a space or with "=".
`;

const SERVE_EXAMPLES = `
Examples:
  fastlike guest.wasm
  fastlike -wasm guest.wasm -proxy-to localhost:8000 -bind localhost:5000
  fastlike --backend origin=https://example.com --backend api=localhost:9000/v1 guest.wasm
  fastlike serve -C fastly.toml -vv bin/main.wasm
`;

const RUN_EXAMPLE = `  fastlike run -C fastly.toml tests.wasm -- --nocapture
`;

/**
 * Returns the text of `--help`.
 *
 * @param command Command whose flags are shown; by default all flags.
 */
export function helpText(command?: CommandName): string {
  switch (command) {
    case "serve":
      return SERVE + flagsOf(command) + limits() + MANNERS + SERVE_EXAMPLES;
    case "run":
      return RUN + flagsOf(command) + limits() + MANNERS + "\nExample:\n" + RUN_EXAMPLE;
    case undefined:
      return COMMANDS + flagsOf(command) + limits() + MANNERS + SERVE_EXAMPLES + RUN_EXAMPLE;
  }
}

function limits(): string {
  const lines = DESCRIBED_LIMITS.map(({ name, value, bounds, beyond, byDefault }) =>
    entry(`  ${name} (${byDefault ?? value})`, `${bounds}; beyond: ${beyond}`)
  );
  return `\nLimits, with their defaults:\n${lines.join("").replaceAll("`", "")}`;
}

function flagsOf(command: CommandName | undefined): string {
  return SECTIONS.map(([heading, flags]) => {
    const lines = Object.entries(flags)
      .filter(([, { commands }]) => !command || !commands || commands.includes(command))
      .map(([name, flag]) => linesOf(name, flag));
    return `\n${heading}:\n${lines.join("")}`;
  }).join("");
}

function linesOf(name: string, { short, value, repeats, help }: Flag): string {
  const form = `  ${short ? `-${short}, ` : ""}--${name}${value ? ` ${value}` : ""}`;
  return entry(form, help + (repeats ? ". May be repeated" : ""));
}

/** Formats a text in the second column, on the line of its head or below it. */
function entry(head: string, text: string): string {
  const [first = "", ...rest] = wrap(text, WIDTH - COLUMN);
  const indent = " ".repeat(COLUMN);
  const beginning = head.length < COLUMN ? head.padEnd(COLUMN) : `${head}\n${indent}`;
  return [beginning + first, ...rest.map((line) => indent + line)].join("\n") + "\n";
}
