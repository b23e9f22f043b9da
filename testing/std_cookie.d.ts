/** A Set-Cookie field, taken apart. */
export interface Cookie {
  name: string;
  value: string;
  expires?: Date | number;
  maxAge?: number;
  domain?: string;
  path?: string;
  secure?: boolean;
}

/** The cookies that the Set-Cookie fields of a response name. */
export function getSetCookies(headers: Headers): Cookie[];
