import { Buffer } from "node:buffer";
import { type CityResponse, Reader } from "npm:mmdb-lib@3.0.3";
import type { Geo, GeoLookup } from "../../service/client/geo.ts";

/** Fields of MaxMind's databases (City, Country, ASN, Connection Type, Enterprise) that Fastly's records have too. */
interface DatabaseRecord extends CityResponse {
  readonly autonomous_system_number?: number;
  readonly autonomous_system_organization?: string;
  readonly connection_type?: string;
}

/** Fastly's connection type and speed, by MaxMind's connection type. */
const CONNECTIONS: Readonly<Record<string, readonly [type: string, speed: string]>> = {
  "Cable/DSL": ["wired", "broadband"],
  "Cellular": ["mobile", "mobile"],
  "Dialup": ["dialup", "dialup"],
  "Satellite": ["satellite", "satellite"],
};

/**
 * Opens a MaxMind database.
 *
 * @throws {Error} If the bytes are not such a database.
 */
export function openDatabase(bytes: Uint8Array): GeoLookup {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = read(buffer);
  const withIpv6 = reader.metadata.ipVersion === 6;
  return (ip) => {
    if (ip.includes(":") && !withIpv6) return undefined;
    const record = reader.get(ip);
    return record ? geoOf(record) : undefined;
  };
}

function read(buffer: Buffer): Reader<DatabaseRecord> {
  try {
    return new Reader(buffer);
  } catch (cause) {
    throw new Error("it is no MaxMind database", { cause });
  }
}

/** Makes a record with every field, since Fastly's SDKs refuse others: unknown ones are 0, an empty text or `?`. */
function geoOf(record: DatabaseRecord): Geo {
  const { continent, country, location, traits } = record;
  const [type, speed] = CONNECTIONS[record.connection_type ?? traits?.connection_type ?? ""] ??
    ["?", "?"];
  return {
    as_name: record.autonomous_system_organization ?? traits?.autonomous_system_organization ?? "?",
    as_number: record.autonomous_system_number ?? traits?.autonomous_system_number ?? 0,
    area_code: 0,
    city: record.city?.names.en ?? "",
    conn_speed: speed,
    conn_type: type,
    continent: continent?.code ?? "",
    country_code: country?.iso_code ?? "",
    country_code3: "",
    country_name: country?.names.en ?? "",
    latitude: location?.latitude ?? 0,
    longitude: location?.longitude ?? 0,
    metro_code: location?.metro_code ?? 0,
    postal_code: record.postal?.code ?? "",
    proxy_description: "?",
    proxy_type: "?",
    region: record.subdivisions?.[0]?.iso_code ?? "",
    utc_offset: location?.time_zone ? offsetOf(location.time_zone) : 0,
  };
}

/** Returns the current offset of a time zone from UTC: `-700` is seven hours behind. */
function offsetOf(timeZone: string): number {
  try {
    const format = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset" });
    const name = format.formatToParts().find(({ type }) => type === "timeZoneName")?.value;
    return Number(name?.replace(/GMT|:/g, "") || 0);
  } catch {
    return 0; // the zone is not known to this machine
  }
}
