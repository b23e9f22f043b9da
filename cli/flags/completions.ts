import type { Flag } from "./flag.ts";
import { FLAGS } from "./table.ts";
import { type Shell, SHELLS } from "./args.ts";
import { COMMANDS } from "./commands.ts";

/** Returns a script that completes commands, flags and their values in a shell. */
export function completionsFor(shell: Shell): string {
  return { bash, zsh, fish }[shell]();
}

/** Completion of a flag's value: words, files, folders, files after `NAME=`, or nothing. */
type Kind = "words" | "files" | "folders" | "named files" | "nothing";

function kindOf({ choices, value }: Flag): Kind {
  if (choices) return "words";
  if (value === "FILE") return "files";
  if (value === "DIR") return "folders";
  return value?.endsWith("=FILE") || value?.endsWith("[=FILE]") ? "named files" : "nothing";
}

/** Returns all flags with a kind of completion. */
function flagsOf(kind: Kind): [name: string, flag: Flag][] {
  return Object.entries(FLAGS).filter(([, flag]) => flag.value && kindOf(flag) === kind);
}

/** Returns the first clause of a flag's help. */
function brief({ help }: Flag): string {
  return /^[^.:;]*(?:[.:;]\S[^.:;]*)*/.exec(help)![0];
}

function bash(): string {
  const patterns = (flags: readonly (readonly [string, Flag])[]) =>
    flags.flatMap(([name, { short }]) => [
      ...short ? [`-${short}`] : [],
      `--${name}`,
      `-${name}`,
    ]).join(" | ");
  const words = flagsOf("words").map(([name, { choices }]) =>
    `    --${name} | -${name}) words="${choices!.join(" ")}" ;;`
  );
  return `# Completions of fastlike for bash: source <(fastlike completions bash)
_fastlike() {
  local at=$COMP_CWORD current=\${COMP_WORDS[COMP_CWORD]} flag named= words=
  COMPREPLY=()
  # Bash makes "=" a word of its own: the flag, or the name that a file belongs to, is in front of it.
  if [[ $current == "=" ]]; then current=; else at=$((at - 1)); fi
  if [[ \${COMP_WORDS[at]} == "=" ]]; then
    at=$((at - 1))
    if [[ \${COMP_WORDS[at]} != -* ]]; then named=yes at=$((at - 1)); fi
    if [[ \${COMP_WORDS[at]} == "=" ]]; then at=$((at - 1)); fi
  fi
  flag=\${COMP_WORDS[at]}
  case $flag in
    ${
    patterns(flagsOf("files"))
  }) compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return ;;
    ${
    patterns(flagsOf("folders"))
  }) compopt -o filenames; COMPREPLY=($(compgen -d -- "$current")); return ;;
    ${patterns(flagsOf("named files"))})
      [[ $named ]] && compopt -o filenames && COMPREPLY=($(compgen -f -- "$current"))
      return ;;
    ${patterns(flagsOf("nothing"))}) return ;;
${words.join("\n")}
    completions) words="${SHELLS.join(" ")}" ;;
  esac
  if [[ $words ]]; then
    [[ $named ]] && return
    [[ $words == *= ]] && compopt -o nospace
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  elif [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "${
    Object.keys(FLAGS).map((name) => `--${name}`).join(" ")
  }" -- "$current"))
  else
    compopt -o filenames
    [[ $COMP_CWORD == 1 ]] && words="${Object.keys(COMMANDS).join(" ")}"
    COMPREPLY=($(compgen -W "$words" -- "$current") $(compgen -f -- "$current"))
  fi
}
complete -F _fastlike fastlike
`;
}

const ZSH_ACTIONS: Readonly<Record<Kind, (flag: Flag) => string>> = {
  "words": ({ choices }) => `(${choices!.join(" ")})`,
  "files": () => "_files",
  "folders": () => "_files -/",
  "named files": () => "_fastlike_named_file",
  "nothing": () => " ",
};

function zsh(): string {
  const specs = Object.entries(FLAGS).map(([name, flag]) => {
    const { short, value, repeats } = flag;
    const text = brief(flag).replace(/[\[\]:\\]/g, "\\$&");
    const argument = value
      ? `:${value.replaceAll(":", "\\:")}:${ZSH_ACTIONS[kindOf(flag)](flag)}`
      : "";
    const often = repeats || name === "verbose" ? "*" : "";
    const long = `--${name}${value ? "=" : ""}`; // the value may follow "=" or a space
    const forms = short ? [`-${short}`, long] : [long];
    return forms.map((form) => `    ${quoted(`${often}${form}[${text}]${argument}`)}`).join(
      " \\\n",
    );
  });
  const commands = Object.entries(COMMANDS).map(([name, does]) => quoted(`${name}:${does}`));
  return `#compdef fastlike
# Completions of fastlike for zsh: source <(fastlike completions zsh)
_fastlike_named_file() {
  if compset -P '*='; then _files; else _message 'NAME='; fi
}
_fastlike_first() {
  local -a commands=(${commands.join(" ")})
  _describe command commands
  _files
}
_fastlike_next() {
  if [[ $words[2] == completions ]]; then compadd ${SHELLS.join(" ")}; else _files; fi
}
_fastlike() {
  _arguments \\
${specs.join(" \\\n")} \\
    '1:command or program:_fastlike_first' \\
    '*:program or argument:_fastlike_next'
}
if [[ $funcstack[1] == _fastlike ]]; then _fastlike "$@"; else compdef _fastlike fastlike; fi
`;
}

const FISH_ACTIONS: Readonly<Record<Kind, (flag: Flag) => string>> = {
  "words": ({ choices }) => ` -x -a ${quoted(choices!.join(" "))}`,
  "files": () => " -r -F",
  "folders": () => " -x -a '(__fish_complete_directories)'",
  "named files": () => " -r -F",
  "nothing": () => " -x",
};

function fish(): string {
  const commands = Object.entries(COMMANDS).map(([name, does]) =>
    `complete -c fastlike -n __fish_use_subcommand -a ${name} -d ${quoted(does)}`
  );
  const flags = Object.entries(FLAGS).map(([name, flag]) => {
    const { short, value, commands } = flag;
    const when = commands ? ` -n 'not __fish_seen_subcommand_from run'` : "";
    const argument = value ? FISH_ACTIONS[kindOf(flag)](flag) : "";
    return `complete -c fastlike${when}${short ? ` -s ${short}` : ""} -l ${name}${argument} -d ${
      quoted(brief(flag))
    }`;
  });
  return `# Completions of fastlike for fish: fastlike completions fish | source
${commands.join("\n")}
complete -c fastlike -n '__fish_seen_subcommand_from completions' -x -a ${quoted(SHELLS.join(" "))}
${flags.join("\n")}
`;
}

/** Quotes a text for zsh and fish. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
