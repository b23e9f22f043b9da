/** `fastly_shielding`: URLs of and backends for shield sites. @module */
import type { Sandbox } from "../handles/sandbox.ts";
import { refuse } from "../service/errors.ts";
import { call, type Namespace, namespace } from "./_define.ts";
import { options, type Span, span, text, u32 } from "./_in.ts";
import * as out from "./_out.ts";

const encoder = new TextEncoder();
const NOWHERE = { unencrypted: "", encrypted: "" };

/** Options of a backend. The cache key is ignored, as it is for the cache of the shield. */
const config = options({ cacheKey: [1, text], firstByte: [2, u32], betweenBytes: [3, u32] });

export const shielding: Namespace = namespace("fastly_shielding", {
  /** Returns a byte that tells whether the guest runs there, then the plain and the encrypted URL, each with a NUL. */
  shield_info: call([text, span], out.u32, (sandbox, name, buf) => {
    const sites = sandbox.service.options.shieldingSites ?? {};
    const site = Object.hasOwn(sites, name) ? sites[name]! : noSite(sandbox, name);
    const [here, { unencrypted, encrypted }] = site === "local" ? [1, NOWHERE] : [0, site];
    return checked(buf, `${String.fromCharCode(here)}${unencrypted}\0${encrypted}\0`)();
  }),

  /** Registers a backend for one of those URLs and returns its name. Go's SDK passes the site in place of the URL. */
  backend_for_shield: call([text, config, span], out.u32, (sandbox, target, timeouts, buf) => {
    const sites = sandbox.service.options.shieldingSites ?? {};
    const site = Object.hasOwn(sites, target) ? sites[target]! : undefined;
    const url = site === undefined || site === "local" ? target : site.encrypted;
    const name = `******${url}*****`;
    const write = checked(buf, name);
    register(sandbox, name, url, timeouts);
    return write();
  }),
});

function noSite(sandbox: Sandbox, name: string): never {
  sandbox.reportMissing("shielding site", name);
  refuse("invalid", `Cannot find shielding site "${name}"`);
}

function register(
  sandbox: Sandbox,
  name: string,
  url: string,
  { firstByte, betweenBytes }: ReturnType<typeof config.read>,
): void {
  const timeouts = {
    ...firstByte !== undefined && { firstByte },
    ...betweenBytes !== undefined && { betweenBytes },
  };
  try {
    sandbox.addBackend(sandbox.service.backends.make(name, { url, timeouts }));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    refuse("invalid", error.message, error);
  }
}

/** Refuses a text that does not fit the buffer, and returns a function that writes it. The calls cannot return its size. */
function checked(buf: Span, text: string): () => number {
  const bytes = encoder.encode(text);
  if (bytes.length > buf.length) {
    refuse("buffer-too-small", `Cannot fit ${bytes.length} bytes in ${buf.length}`);
  }
  return () => buf.fill(bytes);
}
