/** Parsed Set-Cookie field. */
export interface Cookie {
  name: string;
  value: string;
  expires?: Date | number;
  maxAge?: number;
  domain?: string;
  path?: string;
  secure?: boolean;
}

/** Parses the Set-Cookie fields of a response. */
export function getSetCookies(headers: Headers): Cookie[];
