import { refuseUnknownOptions, SERVICE_OPTION_NAMES } from "../service/option_names.ts";
import type { ServiceOptions } from "../service/options.ts";
import { octetsOf } from "../service/util/address.ts";
import { isPlainObject } from "../service/util/plain_object.ts";
import { shownValue } from "../service/util/shown_value.ts";
import { didYouMean } from "../service/util/suggest.ts";
import type { TestClient, TestHostOptions } from "./options.ts";

/** Options besides those of a service. */
const OWN: Readonly<Record<Exclude<keyof TestHostOptions, keyof ServiceOptions>, true>> = {
  wasm: true,
  kv: true,
  config: true,
  secrets: true,
  client: true,
  baseUrl: true,
  unmocked: true,
  now: true,
  record: true,
  replay: true,
  secure: true,
  programs: true,
};
const NO_NUMBER = "it is no number";
const NO_STORE = "it is no store, as memoryFixtures() makes one";
const NAMES = [...SERVICE_OPTION_NAMES, ...Object.keys(OWN)]
  .filter((name) => name !== "transportHook"); // the harness's own

const CLIENT: Readonly<Record<keyof TestClient, true>> = {
  ip: true,
  geo: true,
  device: true,
  port: true,
  serverAddress: true,
  serverPort: true,
  tls: true,
  h2Fingerprint: true,
  ohFingerprint: true,
  ddosDetected: true,
  region: true,
  bot: true,
  proxy: true,
  visits: true,
};

/** Tests of values, and the fault of one that fails, in words that follow "Cannot use the option NAME VALUE: ". */
const VALUES: readonly (readonly [
  name: keyof TestHostOptions,
  fits: (value: unknown) => boolean,
  fault: (value: unknown) => string,
])[] = [
  choice("clock", ["running", "frozen"]),
  choice("unmocked", ["reject", "refuse"]),
  ["backends", isPlainObject, () => "it is no object with mocks by name"],
  [
    "now",
    (now) => Number.isFinite(now instanceof Date ? Number(now) : now),
    () => "it is neither milliseconds since 1970 nor a valid date",
  ],
  ["random", isNumber, () => NO_NUMBER],
  [
    "baseUrl",
    (url) => /^https?:$/.test(URL.parse(url as string)?.protocol ?? ""),
    () => "it is no http or https URL",
  ],
  ["record", isStore, () => NO_STORE],
  ["replay", isStore, () => NO_STORE],
];

/**
 * Checks the options of a host that the service does not check. The compiler does so only in TypeScript.
 *
 * @throws {TypeError} If an option is not known, or has no such value.
 */
export function checkOptions(options: TestHostOptions): void {
  refuseUnknownOptions(options, NAMES);
  for (const [name, fits, fault] of VALUES) {
    const value = options[name];
    if (value === undefined || fits(value)) continue;
    const given = Object(value) === value ? `(${shownValue(value)})` : shownValue(value);
    throw new TypeError(`Cannot use the option ${name} ${given}: ${fault(value)}`);
  }
  if (options.record && options.replay) {
    throw new TypeError("Cannot use the options record and replay together: leave one out");
  }
  if (options.client !== undefined) checkClient(options.client);
}

function choice(name: keyof TestHostOptions, values: readonly string[]): typeof VALUES[number] {
  return [
    name,
    (value) => values.includes(value as string),
    (value) => didYouMean(String(value), values),
  ];
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" && isFinite(value);
}

function isStore(value: unknown): boolean {
  const { load, save } = Object(value);
  return typeof load === "function" && typeof save === "function";
}

/**
 * Checks the seed of `TestHost.random`.
 *
 * @throws {TypeError} If it is no number.
 */
export function checkSeed(seed: number): void {
  if (!isNumber(seed)) throw new TypeError(`Cannot use the seed ${shownValue(seed)}: ${NO_NUMBER}`);
}

/**
 * Checks facts about a client.
 *
 * @throws {TypeError} If it is no object, a fact is not known, or the address is none.
 */
export function checkClient(client: TestClient): void {
  if (!isPlainObject(client)) {
    throw new TypeError(`Cannot use the client ${shownValue(client)}: it is no object of facts`);
  }
  const names = Object.keys(CLIENT);
  const unknown = Object.keys(client).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot use the client's ${unknown}: it is not known, ${didYouMean(unknown, names)}`,
    );
  }
  if (client.ip !== undefined && !(typeof client.ip === "string" && octetsOf(client.ip))) {
    throw new TypeError(
      `Cannot use the client's ip ${shownValue(client.ip)}: it is no IPv4 or IPv6 address`,
    );
  }
}
