// @ts-types="./std_user_agent.d.ts"
import { UserAgent as StdUserAgent } from "npm:deno-std@1.4.0/http/user_agent.js";

/** The browser behind a User-Agent field; parts that are not known are empty. */
export interface UserAgent {
  /** Its maker's name for it: `Firefox`, `Mobile Safari`. */
  family: string;
  /** The first part of its version, mostly digits. */
  major: string;
  /** The second part of its version. */
  minor: string;
  /** The third part of its version. */
  patch: string;
}

/** Reads a User-Agent field, which may be any text. */
export type UserAgentParser = (userAgent: string) => UserAgent;

/** Characters of the field that parsers look at: their time is not linear in its length. */
export const MAX_PARSED = 4096;

/** The parser of a service that sets none: the standard library's. */
export function parseUserAgent(userAgent: string): UserAgent {
  const { name, version } = new StdUserAgent(userAgent.slice(0, MAX_PARSED)).browser;
  const [major = "", minor = "", patch = ""] = version?.split(".") ?? [];
  return { family: name ?? "", major, minor, patch };
}
