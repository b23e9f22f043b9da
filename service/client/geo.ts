import type { BackendHandler } from "../backends/definition.ts";

/** Where an address is, under the names of Fastly's geolocation JSON. Some SDKs take no record with a key missing. */
export interface Geo {
  /** Who runs the autonomous system, as `Fastly, Inc`. */
  as_name?: string;
  /** The number of the autonomous system, as 54113. */
  as_number?: number;
  /** The telephone area code, in North America; 0 for none. */
  area_code?: number;
  /** In English, as `San Francisco`. */
  city?: string;
  /** A word of Fastly's: `broadband`, `cable`, `dialup`, `mobile`, `satellite`, `xdsl`, … */
  conn_speed?: string;
  /** A word of Fastly's: `wired`, `wifi`, `mobile`, `dialup`, `satellite`; `?` for not known. */
  conn_type?: string;
  /** Two letters, as `NA`. */
  continent?: string;
  /** ISO 3166-1, two letters. */
  country_code?: string;
  /** ISO 3166-1, three letters. */
  country_code3?: string;
  /** In English, as `United States of America`. */
  country_name?: string;
  /** Degrees, north of the equator above 0. */
  latitude?: number;
  /** Degrees, east of Greenwich above 0. */
  longitude?: number;
  /** The designated market area, in the United States; 0 for none. */
  metro_code?: number;
  /** As it is written there: `94107`, `100-0001`. */
  postal_code?: string;
  /** A word of Fastly's: `cloud`, `tor-exit`, `vpn`, …; `?` for no proxy that is known. */
  proxy_description?: string;
  /** A word of Fastly's: `anonymous`, `corporate`, `hosting`, `public`, …; `?` for no proxy that is known. */
  proxy_type?: string;
  /** ISO 3166-2, without the country. */
  region?: string;
  /** Hours and minutes as one number: `-600` is six hours behind. */
  utc_offset?: number;
  /** Further keys reach the guest as they are. */
  [key: string]: unknown;
}

/** Finds the record of an address in text (`203.0.113.9`, `2001:db8::1`), or nothing. */
export type GeoLookup = (ip: string) => Geo | undefined;

/** The look-up of a service that sets none: loopback addresses are at Fastly's head office, others unknown. */
export function loopbackGeo(ip: string): Geo | undefined {
  if (ip !== "::1" && !ip.startsWith("127.")) return undefined;
  return {
    as_name: "Fastly, Inc",
    as_number: 54113,
    area_code: 415,
    city: "San Francisco",
    conn_speed: "broadband",
    conn_type: "wired",
    continent: "NA",
    country_code: "US",
    country_code3: "USA",
    country_name: "United States of America",
    latitude: 37.77869,
    longitude: -122.39557,
    metro_code: 0,
    postal_code: "94107",
    proxy_description: "?",
    proxy_type: "?",
    region: "CA",
    utc_offset: -700,
  };
}

/** The record of every address in fastlike v0.4.0: guests of 2020 get it where the look-up has none. */
export function defaultGeo(_ip: string): Geo {
  return {
    as_name: "fastlike",
    as_number: 64496,
    area_code: 512,
    city: "Austin",
    conn_speed: "satellite",
    conn_type: "satellite",
    continent: "NA",
    country_code: "US",
    country_code3: "USA",
    country_name: "United States of America",
    latitude: 30.2672,
    longitude: -97.7431,
    metro_code: 635,
    postal_code: "78701",
    proxy_description: "?",
    proxy_type: "?",
    region: "TX",
    utc_offset: -600,
  };
}

/**
 * The backend named `geolocation` that guests of 2020 send their look-ups to: the address comes in the field
 * `fastly-xqd-arg1`, the record goes back as JSON. Addresses that `lookup` does not know get {@linkcode defaultGeo}'s.
 */
export function geoHandler(lookup: GeoLookup): BackendHandler {
  return (request) => {
    const ip = request.headers.get("fastly-xqd-arg1");
    if (!ip) {
      return Response.json({ error: "The field fastly-xqd-arg1 is missing" }, { status: 400 });
    }
    return Response.json(lookup(ip) ?? defaultGeo(ip));
  };
}
