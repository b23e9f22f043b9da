/** Kind of a resource that guests use by its name and options define. */
export type NamedKind =
  | "backend"
  | "config store"
  | "secret store"
  | "KV store"
  | "ACL"
  | "shielding site";

/** Maximum number of names that are reported, since guests may make names up. */
const MAX_NAMES = 100;

/** Definition of a resource, for messages. */
interface Definition {
  /** Lines of fastly.toml that define it. */
  readonly lines: (key: string) => readonly string[];
  /** Flag that defines it without fastly.toml, in words that follow "or". */
  readonly orElse?: (name: string) => string;
}

const DEFINITIONS: Readonly<Record<NamedKind, Definition>> = {
  "backend": {
    lines: (key) => [`[local_server.backends.${key}]`, 'url = "http://localhost:8000"'],
    orElse: () => "send all such requests to one place with --proxy-to",
  },
  "config store": {
    lines: (key) => [
      `[local_server.config_stores.${key}]`,
      'format = "inline-toml"',
      'contents = { key = "value" }',
    ],
    orElse: (name) => `name a JSON file with --config-store ${name}=FILE`,
  },
  "secret store": {
    lines: (key) => [
      `[[local_server.secret_stores.${key}]]`,
      'key = "name"',
      'data = "secret"',
    ],
    orElse: (name) => `name a JSON file with --secret-store ${name}=FILE`,
  },
  "KV store": {
    lines: (key) => [`[[local_server.kv_stores.${key}]]`, 'key = "key"', 'data = "value"'],
    orElse: (name) => `begin with an empty one by --kv ${name}`,
  },
  "ACL": {
    lines: (key) => ["[local_server.acls]", `${key} = "acl.json"`],
    orElse: (name) => `name a JSON file with --acl ${name}=FILE`,
  },
  "shielding site": {
    lines: (key) => ["[local_server.shielding_sites]", `${key} = "Local"`],
  },
};

/** Returns the message for a name that is not defined: it tells how to define it in fastly.toml. */
function describeMissing(kind: NamedKind, name: string): string {
  const { lines, orElse } = DEFINITIONS[kind];
  const key = /^[\w-]+$/.test(name) ? name : JSON.stringify(name);
  const toml = lines(key).map((line) => `  ${line}`).join("\n");
  const other = orElse ? `\n\nor ${orElse(name)}` : "";
  return `No ${kind} is named ${JSON.stringify(name)}\nAdd it to fastly.toml:\n\n${toml}${other}`;
}

/** Undefined names that guests have used, so that each is reported once. */
export class MissingNames {
  readonly #reported = new Set<string>();

  /** Returns the message for a name; undefined if it was returned before, or for too many names. */
  describeOnce(kind: NamedKind, name: string): string | undefined {
    const key = `${kind} ${name}`;
    if (this.#reported.has(key) || this.#reported.size >= MAX_NAMES) return undefined;
    this.#reported.add(key);
    return describeMissing(kind, name);
  }
}
