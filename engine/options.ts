import type { HandlerInfo } from "../service/http/web_exchange.ts";
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
