import type { ServiceOptions } from "./options.ts";
import { didYouMean } from "./util/suggest.ts";

/** All options of a service. */
const SERVICE_OPTIONS: Readonly<Record<keyof ServiceOptions, true>> = {
  backends: true,
  catchAll: true,
  ca: true,
  configStores: true,
  secretStores: true,
  kvStores: true,
  kvDriver: true,
  cacheDriver: true,
  purgeFeed: true,
  rateDriver: true,
  acls: true,
  devices: true,
  shieldingSites: true,
  fastlyKeys: true,
  clientFacts: true,
  factsPrefix: true,
  botHeaders: true,
  cache: true,
  products: true,
  trustProxy: true,
  errors: true,
  websockets: true,
  pushpin: true,
  clock: true,
  random: true,
  inspect: true,
  imageOptimizer: true,
  components: true,
  codeCache: true,
  quickReload: true,
  geo: true,
  userAgentParser: true,
  log: true,
  logHostcalls: true,
  env: true,
  reuse: true,
  park: true,
  unknownImports: true,
  allowUnlimited: true,
  args: true,
  stdio: true,
  limits: true,
  signals: true,
  loopGuard: true,
  transportHook: true,
};

/** Names of all options of a service. */
export const SERVICE_OPTION_NAMES: readonly string[] = Object.keys(SERVICE_OPTIONS);

/**
 * Refuses an option that does not exist. The compiler does so only in TypeScript, and only for literals.
 *
 * @param names Names of all options.
 * @throws {TypeError} If there is one; the message has the name that is probably meant.
 */
export function refuseUnknownOptions(options: object, names: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new TypeError(
    `Cannot use the option ${unknown}: it is not known, ${didYouMean(unknown, names)}`,
  );
}
