import type { AclEntry } from "../../service/stores/acl.ts";
import { rangeOf } from "../../service/util/prefix_map.ts";
import type { Device, DeviceLookup } from "../../service/client/device.ts";
import { type Geo, type GeoLookup, loopbackGeo } from "../../service/client/geo.ts";
import { geoRanges } from "../../service/client/geo_ranges.ts";
import type { ConfigTable } from "./table.ts";
import { messageOf } from "../../service/errors.ts";

const NO_RANGE = "is not an address or a range as in 192.0.2.0/24";

/** Reads `[local_server.geolocation]`. A JSON file that has changed is read again at the next lookup. */
export async function parseGeo(table: ConfigTable): Promise<GeoLookup> {
  const withLoopback = table.boolean("use_default_loopback") ?? true;
  const lookup = await parseGeoRecords(table);
  return withLoopback ? (ip) => lookup(ip) ?? loopbackGeo(ip) : lookup;
}

async function parseGeoRecords(table: ConfigTable): Promise<GeoLookup> {
  switch (geoFormat(table)) {
    case undefined:
      table.done();
      return () => undefined;
    case "inline-toml": {
      const [addresses] = table.done("addresses");
      return parseAddresses(table.table(addresses) ?? table.missing(addresses));
    }
    case "json": {
      const [file] = table.done("file");
      const lookup = table.jsonAnew(file, parseAddresses);
      return (ip) => lookup()(ip);
    }
    case "mmdb":
      return await openDatabase(table);
  }
}

function geoFormat(table: ConfigTable): "inline-toml" | "json" | "mmdb" | undefined {
  const format = table.choice("format", ["inline-toml", "json", "mmdb"]);
  if (format) return format;
  if (table.string("file")?.endsWith(".mmdb")) return "mmdb";
  return table.has("file") || table.has("addresses") ? table.missing("format") : undefined;
}

async function openDatabase(table: ConfigTable): Promise<GeoLookup> {
  const [file] = table.done("file");
  const bytes = table.bytes(file);
  try {
    return await table.io.openDatabase(bytes);
  } catch (error) {
    const reason = messageOf(error);
    table.wrong(file, `names ${table.string(file)}, which cannot be used: ${reason}`);
  }
}

function parseAddresses(table: ConfigTable): GeoLookup {
  return geoRanges(
    table.tables().map(([address, record]) => {
      if (!rangeOf(address)) table.wrong(address, NO_RANGE);
      return [address, parseRecord(record)];
    }),
  );
}

function parseRecord(table: ConfigTable): Geo {
  return Object.fromEntries(
    table.keys().map((key) => {
      const value = table.get(key);
      // null means that the value is not known.
      if (value === null || /^(string|number|boolean)$/.test(typeof value)) return [key, value];
      table.wrong(key, "must be a text, a number, true or false");
    }),
  );
}

/** Reads `[local_server.device_detection]`: whole User-Agent texts. */
export function parseDevices(table: ConfigTable): DeviceLookup {
  const format = table.choice("format", ["inline-toml", "json"]) ?? table.missing("format");
  const [key] = table.done(format === "json" ? "file" : "user_agents");
  const agents = format === "json" ? table.json(key) : table.table(key) ?? table.missing(key);
  const devices = new Map(agents.tables().map(([agent, entry]) => [agent, parseDevice(entry)]));
  return (userAgent) => devices.get(userAgent);
}

function parseDevice(table: ConfigTable): Device {
  const parts = ["user_agent", "os", "device"].map((key) => [key, table.table(key)?.values()]);
  table.done();
  return Object.fromEntries(parts.filter(([, values]) => values));
}

/** Reads `[local_server.acls]`: names of JSON files, each alone or as `{ file }`. */
export function parseAcls(table: ConfigTable): Record<string, readonly AclEntry[]> {
  return Object.fromEntries(
    table.names().map((name) => {
      if (typeof table.get(name) === "string") return [name, parseAcl(table.json(name))];
      const entry = table.asTable(name, table.get(name), "a file's name, or a table with file");
      const [file] = entry.done("file");
      return [name, parseAcl(entry.json(file))];
    }),
  );
}

function parseAcl(file: ConfigTable): readonly AclEntry[] {
  const [entries] = file.done("entries");
  if (!file.has(entries)) file.missing(entries);
  return file.tableList(entries, "a list of objects").map((entry) => {
    const [prefixKey, actionKey] = entry.done("prefix", "action", "op"); // "op" is a change of an ACL in Fastly's API; each one counts as an entry
    const prefix = entry.requiredString(prefixKey);
    if (!rangeOf(prefix)) entry.wrong(prefixKey, NO_RANGE);
    const action = entry.requiredString(actionKey).toUpperCase();
    return action === "ALLOW" || action === "BLOCK"
      ? { prefix, action }
      : entry.wrong(actionKey, 'must be "ALLOW" or "BLOCK"');
  });
}
