import type { BackendHandler } from "../backends/definition.ts";

/** Location of an address, with the keys of Fastly's geolocation JSON. Some SDKs refuse a record that lacks a key. */
export interface Geo {
  /** Name of the autonomous system, as `Fastly, Inc`. */
  as_name?: string;
  /** Number of the autonomous system, as 54113. */
  as_number?: number;
  /** Telephone area code, in North America; 0 for none. */
  area_code?: number;
  /** In English, as `San Francisco`. */
  city?: string;
  /** Speed class: `broadband`, `cable`, `dialup`, `mobile`, `satellite`, `xdsl`, … */
  conn_speed?: string;
  /** Type of connection: `wired`, `wifi`, `mobile`, `dialup`, `satellite`; `?` for not known. */
  conn_type?: string;
  /** Continent in two letters, as `NA`. */
  continent?: string;
  /** ISO 3166-1, two letters. */
  country_code?: string;
  /** ISO 3166-1, three letters. */
  country_code3?: string;
  /** In English, as `United States of America`. */
  country_name?: string;
  /** In degrees, positive to the north. */
  latitude?: number;
  /** In degrees, positive to the east. */
  longitude?: number;
  /** Designated market area, in the United States; 0 for none. */
  metro_code?: number;
  /** In the country's own format: `94107`, `100-0001`. */
  postal_code?: string;
  /** Description of the proxy: `cloud`, `tor-exit`, `vpn`, …; `?` if none is known. */
  proxy_description?: string;
  /** Type of the proxy: `anonymous`, `corporate`, `hosting`, `public`, …; `?` if none is known. */
  proxy_type?: string;
  /** ISO 3166-2, without the country. */
  region?: string;
  /** Hours and minutes as one number: `-600` is six hours behind UTC. */
  utc_offset?: number;
  /** Further keys, which the guest gets too. */
  [key: string]: unknown;
}

/** Returns the record of an address (`203.0.113.9`, `2001:db8::1`); undefined if there is none. */
export type GeoLookup = (ip: string) => Geo | undefined;

/** Default geo lookup: loopback addresses are at Fastly's head office, others unknown. */
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

/** Returns the record of every address in fastlike v0.4.0, which guests of 2020 get for addresses that are not known. */
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
 * Makes the handler of the backend `geolocation`, to which guests of 2020 send their lookups: the address is in the field
 * `fastly-xqd-arg1`, the response is the record as JSON. Addresses unknown to `lookup` get the record of
 * {@linkcode defaultGeo}.
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
