/**
 * The page of support, `docs/support.md`, which `deno task matrix` writes.
 *
 * @module
 */
import type { ServiceOptions } from "../../service/options.ts";
import { table } from "../markdown.ts";
import { FUNCTIONS } from "../../abi/components/mod.ts";
import { INTERFACES } from "../../abi/components/world/mod.ts";
import { declaredCalls, type KnownCall, knownCalls } from "./_matrix.ts";

/** URL of the page. */
export const PAGE = new URL("../../docs/support.md", import.meta.url);

/** Facts that only Fastly's network has: their source here, and the guest's view without them. */
interface Option {
  readonly calls: RegExp;
  readonly option: keyof ServiceOptions;
  /** Within the option. */
  readonly field?: string;
  readonly otherwise: string;
  /** Whether the executable's own listener knows it, too: the option is for other fronts, and for tests. */
  readonly known?: boolean;
}

const DOWNSTREAM = "^fastly_http_(req|downstream)\\.downstream_";

/** Every call whose answer an option gives or replaces, by `module.name`. No other call answers a fixed value. */
export const FROM_OPTIONS: readonly Option[] = [
  {
    calls: new RegExp(`${DOWNSTREAM}client_ddos_detected$`),
    option: "clientFacts",
    field: "ddosDetected",
    otherwise: "no",
  },
  {
    calls: new RegExp(`${DOWNSTREAM}compliance_region$`),
    option: "clientFacts",
    field: "region",
    otherwise: "`none`",
  },
  {
    calls: new RegExp(`${DOWNSTREAM}client_h2_fingerprint$`),
    option: "clientFacts",
    field: "h2Fingerprint",
    otherwise: "of the client's first frames",
    known: true,
  },
  {
    calls: new RegExp(`${DOWNSTREAM}client_oh_fingerprint$`),
    option: "clientFacts",
    field: "ohFingerprint",
    otherwise: "absent",
  },
  {
    calls: new RegExp(`${DOWNSTREAM}tls_`),
    option: "clientFacts",
    field: "tls",
    otherwise: "of the client's handshake",
    known: true,
  },
  {
    calls: /^fastly_http_downstream\.downstream_bot_/,
    option: "clientFacts",
    field: "bot",
    otherwise: "`x-fastly-bot-*` (`botHeaders`), else not seen",
  },
  {
    calls: /^fastly_http_downstream\.downstream_resvpnproxy_/,
    option: "clientFacts",
    field: "proxy",
    otherwise: "absent",
  },
  {
    calls: /^fastly_http_downstream\.downstream_visits_/,
    option: "clientFacts",
    field: "visits",
    otherwise: "counted in `cdn-loop`",
  },
  {
    calls: /^fastly_http_(req|downstream)\.fastly_key_is_valid$/,
    option: "fastlyKeys",
    otherwise: "no key is valid",
  },
  {
    calls: /^fastly_compute_runtime\.has_domain_inspector$/,
    option: "products",
    field: "domainInspector",
    otherwise: "no",
  },
  {
    calls: /^fastly_compute_runtime\.has_origin_inspector$/,
    option: "products",
    field: "originInspector",
    otherwise: "no",
  },
  {
    calls: /^fastly_compute_runtime\.has_image_optimizer$/,
    option: "products",
    field: "imageOptimizer",
    otherwise: "whether the option `imageOptimizer` is set",
  },
  { calls: /^fastly_http_req\.inspect$/, option: "inspect", otherwise: "allowed" },
  {
    calls: /^fastly_http_req\.redirect_to_grip_proxy/,
    option: "pushpin",
    otherwise: "Unsupported",
  },
  {
    calls: /^fastly_image_optimizer\./,
    option: "imageOptimizer",
    otherwise: "Unsupported",
  },
  {
    calls: /^fastly_shielding\.shield_info$/,
    option: "shieldingSites",
    otherwise: "there are none",
  },
  { calls: /^fastly_geo\.lookup$/, option: "geo", otherwise: "only loopback addresses are known" },
  {
    calls: /^fastly_device_detection\.lookup$/,
    option: "devices",
    otherwise: "the standard library parses the User-Agent field",
  },
];

/** Calls that are declared and refuse, and why, by `module.name`. */
export const REFUSED: Readonly<Record<string, string>> = {
  "fastly_secrets.get_secret": "Unsupported on every host: no SDK calls it",
  "wasi_snapshot_preview1.proc_raise": "Unsupported, as in wasmtime: there are no signals",
};

/** Further remarks by function. */
const NOTES: Readonly<Record<string, string>> = {
  "fastly_http_req.on_behalf_of": "divides caches; reaches no backend",
  "wasi_snapshot_preview1.environ_get":
    "point of presence, region and ids are placeholders, which `env` replaces",
  "wasi_snapshot_preview1.fd_prestat_get": "the file system is an empty, read-only `/`",
  "wasi_snapshot_preview1.fd_read": "standard input is empty",
  "wasi_snapshot_preview1.sock_accept": "there are no sockets: `NOTSOCK`",
  "wasi_snapshot_preview1.sock_recv": "`NOTSOCK`",
  "wasi_snapshot_preview1.sock_send": "`NOTSOCK`",
  "wasi_snapshot_preview1.sock_shutdown": "`NOTSOCK`",
};

type State = "yes" | "from options" | "no";

interface Support {
  readonly state: State;
  readonly notes: readonly string[];
}

const declared = new Set(declaredCalls.map(({ module, name }) => `${module}.${name}`));

function supportOf({ module, name, alias, fastly }: KnownCall): Support {
  const key = `${module}.${name}`;
  const today = alias ?? key;
  const notes = [
    ...alias === undefined ? [] : [`\`${alias}\``],
    ...fastly ? [] : ["not Fastly's: the Go host's own, or a draft"],
    ...today in NOTES ? [NOTES[today]!] : [],
  ];
  if (!declared.has(key)) return { state: "no", notes };
  if (today in REFUSED) return { state: "no", notes: [...notes, REFUSED[today]!] };
  const found = FROM_OPTIONS.find(({ calls }) => calls.test(today));
  if (!found) return { state: "yes", notes };
  return { state: stateOf(found), notes: [...notes, optionNote(found)] };
}

function stateOf({ known }: Option): State {
  return known ? "yes" : "from options";
}

function optionNote({ option, field, otherwise }: Option): string {
  const source = field === undefined ? option : `${option}.${field}`;
  return `\`${source}\`; without it ${otherwise}`;
}

const modules = [...Map.groupBy(knownCalls, ({ module }) => module)].map(([module, calls]) => ({
  module,
  calls: calls.map((call) => ({ name: call.name, ...supportOf(call) })),
}));

const HEAD = ["functions", "yes", "from options", "no"];

/** Number of functions in each state. */
function summaryRow(name: string, calls: readonly Support[]): string[] {
  const count = (state: State) => String(calls.filter((call) => call.state === state).length || "");
  return [
    `\`${name}\``,
    String(calls.length),
    count("yes"),
    count("from options"),
    count("no"),
  ];
}

function callTable(calls: readonly (Support & { readonly name: string })[]): string {
  const rows = calls.map(({ name, state, notes }) => [`\`${name}\``, state, notes.join("; ")]);
  return table([["function", "state", "notes"], ...rows]);
}

/** Number of functions of each module in each state. */
function supportSummary(): string {
  const rows = modules.map(({ module, calls }) => summaryRow(module, calls));
  return table([["module", ...HEAD], ...rows]);
}

/** The page, as it should be now. */
export function supportPage(): string {
  const sections = modules.map(({ module, calls }) => `## ${module}\n\n${callTable(calls)}\n`);
  return `# What a guest can import

Written by \`deno task matrix\`.

- **yes**: it works as at Fastly.
- **from options**: only Fastly's network can know; an option of the service says it here.
- **no**: it is not there, or refuses. A guest that imports an absent function loads all the same,
  and ends when it calls it.

${supportSummary()}

${sections.join("\n")}
${componentSection()}`;
}

/** The call of modules that does the same as a function of components, as far as it can be told from the name. */
function callOf(from: string, name: string): string {
  const own = name.replace(/^\[\w+\](?:[\w-]+\.)?/, "");
  const module = from.replace("fastly:compute/", "fastly_");
  if (own === "inspect") return "fastly_http_req.inspect";
  return `${module}.${own}`.replaceAll("-", "_");
}

const STDIN = "standard input is empty";
const PLACEHOLDER = "a placeholder, which `env` replaces";

/** Further remarks on functions of components. */
const COMPONENT_NOTES: readonly (readonly [calls: RegExp, note: string])[] = [
  [/^fastly:compute\/compute-runtime\.get-namespace-id$/, "the empty text"],
  [
    /^fastly:compute\/compute-runtime\.get-(hostname|pop|region|cache-generation|customer-id|is-staging|service-id|service-version)$/,
    PLACEHOLDER,
  ],
  [/^wasi:io\/streams\.\[method\](input-stream|output-stream\.(blocking-)?splice)/, STDIN],
  [/^wasi:cli\/stdin\./, STDIN],
  [/^wasi:cli\/terminal-/, "there is no terminal"],
  [/^wasi:filesystem\//, "there are no directories"],
];

function componentSupport(from: string, name: string): Support {
  if (!FUNCTIONS[from]?.[name]) return { state: "no", notes: [] };
  const key = `${from}.${name}`;
  const notes = COMPONENT_NOTES.filter(([calls]) => calls.test(key)).map(([, note]) => note);
  const found = FROM_OPTIONS.find(({ calls }) => calls.test(callOf(from, name)));
  return found
    ? { state: stateOf(found), notes: [...notes, optionNote(found)] }
    : { state: "yes", notes };
}

/** Functions that components may import, by interface. */
function componentSection(): string {
  const interfaces = Object.entries(INTERFACES).flatMap(([from, { functions }]) => {
    const names = Object.keys(functions);
    if (!names.length) return [];
    return [{ from, calls: names.map((name) => ({ name, ...componentSupport(from, name) })) }];
  });
  const rows = interfaces.map(({ from, calls }) => summaryRow(from, calls));
  const sections = interfaces.map(({ from, calls }) => `### ${from}\n\n${callTable(calls)}\n`);
  return `## Components

Functions that [components](components.md) import work as those of modules do, by the same options.
A test has a component and a module make the same calls, and compares their results.

${table([["interface", ...HEAD], ...rows])}

${sections.join("\n")}`;
}

if (import.meta.main) {
  await Deno.writeTextFile(PAGE, supportPage());
}
