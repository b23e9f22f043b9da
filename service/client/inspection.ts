import type { Eventually } from "../http/bytes.ts";
import type { HeaderList } from "../http/headers.ts";

/** A request that a guest has the Next-Gen WAF look at. */
export interface Inspection {
  /** The method token, in the guest's case. */
  readonly method: string;
  /** As the guest has set it, mostly absolute; `/` if it has not. */
  readonly url: string;
  /** A copy. */
  readonly headers: HeaderList;
  /** The customer of the WAF, as the guest names it; never empty. */
  readonly corp: string;
  /** The customer's site, as the guest names it; never empty. */
  readonly workspace: string;
  /** The address that the guest gives, else that of the client whose request it is; undefined for the guest's own. */
  readonly clientAddress: string | undefined;
  /**
   * The body, or its first bytes, once they have arrived. The guest still reads it from its start.
   *
   * @param most The most bytes. By default all.
   * @throws {Error} After the verdict has been given.
   */
  body(most?: number): Promise<Uint8Array>;
}

/** What the Next-Gen WAF decided. */
export interface Verdict {
  /** What the guest should do: `allow`, `block`, `unauthorized`, or what a newer WAF says. By default `allow`. */
  readonly verdict?: string;
  /** The WAF's own status, which tells kinds of blocks apart: 200 allows, 406 blocks. By default 200. */
  readonly response?: number;
  /** Where to send the client instead. By default nowhere. */
  readonly redirectUrl?: string;
  /** Signals that the request has raised. By default none. */
  readonly tags?: readonly string[];
  /** Milliseconds that the decision took. By default 0. */
  readonly decisionMs?: number;
}

/** Stands for the Next-Gen WAF. A throw fails the guest's call, and the log tells why. */
export type Inspector = (inspection: Inspection) => Eventually<Verdict>;

/** The verdict as guests parse it. */
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
