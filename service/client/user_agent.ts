// @ts-types="./std_user_agent.d.ts"
import { UserAgent as StdUserAgent } from "npm:deno-std@1.4.0/http/user_agent.js";

/** Browser of a User-Agent field; parts that are not known are empty. */
export interface UserAgent {
  /** Name of the browser: `Firefox`, `Mobile Safari`. */
  family: string;
  /** First part of its version, usually digits. */
  major: string;
  /** Second part of its version. */
  minor: string;
  /** Third part of its version. */
  patch: string;
}

/** Parses a User-Agent field, which may be any text. */
export type UserAgentParser = (userAgent: string) => UserAgent;

/** Maximum number of characters that are parsed, since parsers take more than linear time. */
export const MAX_PARSED = 4096;

/** Default parser: the standard library's. */
export function parseUserAgent(userAgent: string): UserAgent {
  const { name, version } = new StdUserAgent(userAgent.slice(0, MAX_PARSED)).browser;
  const [major = "", minor = "", patch = ""] = version?.split(".") ?? [];
  return { family: name ?? "", major, minor, patch };
}
