import { assertEquals, assertThrows } from "../../assert.ts";
import { openDatabase } from "../../../cli/manifest/mmdb.ts";
import { bitsOf, mmdbFile } from "./mmdb_file.ts";

const CITY = {
  continent: { code: "AS", names: { en: "Asia" } },
  country: { iso_code: "JP", names: { en: "Japan", de: "Japan" } },
  city: { names: { en: "Tokyo", de: "Tokio" } },
  location: { latitude: 35.5, longitude: 139.25, time_zone: "Asia/Tokyo", metro_code: 7 },
  postal: { code: "100-0001" },
  subdivisions: [{ iso_code: "13", names: { en: "Tokyo" } }],
  traits: { autonomous_system_number: 64500, autonomous_system_organization: "Example" },
};

const UNKNOWN = {
  as_name: "?",
  as_number: 0,
  area_code: 0,
  city: "",
  conn_speed: "?",
  conn_type: "?",
  continent: "",
  country_code: "",
  country_code3: "",
  country_name: "",
  latitude: 0,
  longitude: 0,
  metro_code: 0,
  postal_code: "",
  proxy_description: "?",
  proxy_type: "?",
  region: "",
  utc_offset: 0,
};

for (const version of [4, 6] as const) {
  Deno.test(`a database of IPv${version} tells where an address is`, () => {
    const lookup = openDatabase(mmdbFile(version, [
      [bitsOf("192.0.2.0/24", version), CITY],
      [bitsOf("10.0.0.0/8", version), { connection_type: "Cellular" }],
    ]));
    assertEquals(lookup("192.0.2.77"), {
      ...UNKNOWN,
      as_name: "Example",
      as_number: 64500,
      city: "Tokyo",
      continent: "AS",
      country_code: "JP",
      country_name: "Japan",
      latitude: 35.5,
      longitude: 139.25,
      metro_code: 7,
      postal_code: "100-0001",
      region: "13",
      utc_offset: 900,
    });
    assertEquals(lookup("10.1.1.1"), { ...UNKNOWN, conn_speed: "mobile", conn_type: "mobile" });
    assertEquals(lookup("192.0.3.1"), undefined);
    assertEquals(lookup("2001:db8::1"), undefined);
  });
}

Deno.test("a database of networks alone tells those", () => {
  const record = {
    autonomous_system_number: 64501,
    autonomous_system_organization: "Example Two, with a name of more than 29 bytes",
  };
  const lookup = openDatabase(mmdbFile(6, [["001", record]]));
  assertEquals(lookup("2001:db8::1"), {
    ...UNKNOWN,
    as_name: record.autonomous_system_organization,
    as_number: 64501,
  });
  assertEquals(lookup("::1"), undefined);
});

Deno.test("offsets west of UTC and between hours are kept", () => {
  const offset = (time_zone: string) =>
    openDatabase(mmdbFile(4, [["1", { location: { time_zone } }]]))("200.0.0.1")?.utc_offset;
  assertEquals(["America/Bogota", "Asia/Kathmandu", "Etc/UTC", "Mars/Base"].map(offset), [
    -500,
    545,
    0,
    0,
  ]);
});

Deno.test("a file that is no database is refused", () => {
  for (const bytes of [new Uint8Array(), new TextEncoder().encode("no database at all")]) {
    assertThrows(() => openDatabase(bytes), Error, "it is no MaxMind database");
  }
});
