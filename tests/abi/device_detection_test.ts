import { assertEquals } from "../assert.ts";
import { bench, UNTOUCHED, XqdStatus } from "./_bench.ts";

const { ok, inval, buflen, none } = XqdStatus;
const MODULE = "fastly_device_detection";

const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0_1 like Mac OS X) AppleWebKit/605.1.15 " +
  "(KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1";
const IPAD = "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 " +
  "(KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1";
const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:102.0) Gecko/20100101 Firefox/102.0";
const EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) " +
  "Chrome/120.0.0.0 Safari/537.36";
const TV = "Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0) AppleWebKit/538.1 (KHTML, like Gecko) " +
  "Version/5.0 TV Safari/538.1";
const KINDLE =
  "Mozilla/5.0 (X11; U; Linux armv7l like Android; en-us) AppleWebKit/531.2+ Kindle/3.0+";

async function parsed(agent: string) {
  using b = bench();
  const { status, text } = await b.read(MODULE, "lookup", [agent]);
  assertEquals(status, ok, agent);
  return JSON.parse(text);
}

Deno.test("a phone is described in the keys that SDKs read", async () => {
  assertEquals(await parsed(IPHONE), {
    user_agent: { name: "Mobile Safari", major: "17", minor: "2", identified: true },
    os: { name: "iOS", major: "17", minor: "0", patch: "1" },
    device: {
      name: "iPhone",
      brand: "Apple",
      model: "iPhone",
      hwtype: "Mobile Phone",
      is_desktop: false,
      is_ereader: false,
      is_gameconsole: false,
      is_mobile: true,
      is_smarttv: false,
      is_tablet: false,
      is_touchscreen: true,
    },
  });
});

Deno.test("each kind of hardware has its type, and one flag", async () => {
  const kinds: [string, string, string][] = [
    [IPHONE, "Mobile Phone", "is_mobile"],
    [IPAD, "Tablet", "is_tablet"],
    [FIREFOX, "Desktop", "is_desktop"],
    [EDGE, "Desktop", "is_desktop"],
    [TV, "Smart TV", "is_smarttv"],
    [KINDLE, "E-Reader", "is_ereader"],
  ];
  for (const [agent, hwtype, flag] of kinds) {
    const { device } = await parsed(agent);
    const flags = Object.keys(device).filter((key) => device[key] === true);
    assertEquals([device.hwtype, flags.filter((key) => key !== "is_touchscreen")], [hwtype, [
      flag,
    ]]);
  }
});

Deno.test("facts that are not known are left out", async () => {
  const { os, device } = await parsed(FIREFOX);
  assertEquals([os, "name" in device, "is_touchscreen" in device], [
    { name: "Linux" },
    false,
    false,
  ]);
});

Deno.test("an unknown User-Agent has no device", async () => {
  using b = bench();
  for (const agent of ["", "nonsense", "curl/8.0.1"]) {
    assertEquals(await b.read(MODULE, "lookup", [agent]), {
      status: none,
      text: "",
      length: UNTOUCHED,
    });
  }
});

Deno.test("the option's look-up is asked, and its answer handed on as it is", async () => {
  const asked: string[] = [];
  using b = bench({
    devices: (agent) => {
      asked.push(agent);
      return agent === "mine" ? { device: { name: "Müller", extra: [1] } } : undefined;
    },
  });
  const json = '{"device":{"name":"Müller","extra":[1]}}';
  assertEquals((await b.read(MODULE, "lookup", ["mine"])).text, json);
  assertEquals((await b.read(MODULE, "lookup", [IPHONE])).status, none);
  assertEquals(await b.read(MODULE, "lookup", ["mine"], 40), {
    status: buflen,
    text: "",
    length: json.length + 1,
  });
  assertEquals((await b.read(MODULE, "lookup", [Uint8Array.of(0xff)])).status, inval);
  assertEquals(asked, ["mine", IPHONE, "mine"]);
});

Deno.test("a look-up of the option that returns null finds no device either", async () => {
  using b = bench({ devices: (() => null) as unknown as () => undefined });
  assertEquals((await b.read(MODULE, "lookup", ["mine"])).status, none);
});
