import type { HandlerInfo } from "../service/http/web_exchange.ts";
import { SERVICE_OPTION_NAMES } from "../service/option_names.ts";
import type { ServiceOptions } from "../service/options.ts";
import type { ProgramCache } from "../wasm/program_cache.ts";

/** The options of {@linkcode Fastlike.load}. */
export interface FastlikeOptions extends ServiceOptions {
  /**
   * Whether a request came over TLS. If so, the guest gets a URL with `https` and the field `fastly-ssl: 1`. `true` is for
   * a server with certificates. By default a request with `info` counts as plain, since the scheme of its URL may have
   * been written by the client; without `info` the scheme of its URL counts.
   */
  readonly secure?: boolean | ((request: Request, info?: HandlerInfo) => boolean);
  /** Cache of compiled programs, for this load and its reloads. By default there is none, and each of them compiles. */
  readonly programs?: ProgramCache;
}

/** Options besides those of a service. */
const OWN: Readonly<Record<Exclude<keyof FastlikeOptions, keyof ServiceOptions>, true>> = {
  secure: true,
  programs: true,
};

/** Names of all options. */
export const OPTION_NAMES: readonly string[] = [...SERVICE_OPTION_NAMES, ...Object.keys(OWN)];
