// @ts-types="./std_user_agent.d.ts"
import { UserAgent as StdUserAgent } from "npm:deno-std@1.4.0/http/user_agent.js";

/** The browser behind a User-Agent field; parts that are not known are empty. */
export interface UserAgent {
  family: string;
  major: string;
  minor: string;
  patch: string;
}

/** Reads a User-Agent field. */
export type UserAgentParser = (userAgent: string) => UserAgent;

/** The parser of a service that sets none: the standard library's. */
export function parseUserAgent(userAgent: string): UserAgent {
  const { name, version } = new StdUserAgent(userAgent).browser;
  const [major = "", minor = "", patch = ""] = version?.split(".") ?? [];
  return { family: name ?? "", major, minor, patch };
}
