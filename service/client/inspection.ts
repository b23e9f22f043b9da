import type { Eventually } from "../http/bytes.ts";
import type { HeaderList } from "../http/headers.ts";

/** Request that a guest asks the Next-Gen WAF to inspect. */
export interface Inspection {
  /** Method, in the guest's case. */
  readonly method: string;
  /** URL that the guest has set, usually absolute; `/` if it has set none. */
  readonly url: string;
  /** Copy of the request's fields. */
  readonly headers: HeaderList;
  /** Customer of the WAF, as the guest names it; never empty. */
  readonly corp: string;
  /** Site of the customer, as the guest names it; never empty. */
  readonly workspace: string;
  /** Address that the guest gives, or else the client's; undefined for a request that the guest has made itself. */
  readonly clientAddress: string | undefined;
  /**
   * Reads the body from its start; the guest can still read all of it.
   *
   * @param most Maximum number of bytes. By default the whole body.
   * @returns The bytes, once they have arrived.
   * @throws {Error} If it is called after the verdict.
   */
  body(most?: number): Promise<Uint8Array>;
}

/** Decision of the Next-Gen WAF. */
export interface Verdict {
  /** Action for the guest: `allow`, `block`, `unauthorized`, or another one. By default `allow`. */
  readonly verdict?: string;
  /** Status of the WAF: 200 allows, 406 blocks. By default 200. */
  readonly response?: number;
  /** URL to redirect the client to. By default none. */
  readonly redirectUrl?: string;
  /** Signals of the request. By default none. */
  readonly tags?: readonly string[];
  /** Duration of the decision in milliseconds. By default 0. */
  readonly decisionMs?: number;
}

/** Decides on a request in place of the Next-Gen WAF. If it throws, the guest's call fails and the error is logged. */
export type Inspector = (inspection: Inspection) => Eventually<Verdict>;

/** Returns a verdict as JSON in the format that SDKs parse. */
export function verdictJson(verdict: Verdict): string {
  const { response = 200, redirectUrl = "", tags = [], decisionMs = 0 } = verdict;
  return JSON.stringify({
    waf_response: response,
    redirect_url: redirectUrl,
    tags,
    verdict: verdict.verdict ?? "allow",
    decision_ms: decisionMs,
  });
}
