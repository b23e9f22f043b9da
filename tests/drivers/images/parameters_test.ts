import { readParameters } from "../../../drivers/images/parameters.ts";
import { assertEquals } from "../../assert.ts";

/** Parsed value of one parameter; undefined if it is invalid. */
function read(name: string, value: string): unknown {
  const { parameters, faults } = readParameters(
    "/",
    new URLSearchParams([[name, value]]).toString(),
  );
  const found = parameters[name as keyof typeof parameters];
  assertEquals(faults, found === undefined ? [`Invalid value for parameter "${name}"`] : []);
  return found;
}

const centre = { ratio: 16 / 9 };
const px = (pixels: number) => ({ pixels });
const part = (part: number) => ({ part });

const GOOD: [name: string, value: string, expected: unknown][] = [
  ["width", "100", px(100)],
  ["width", "100.6", px(101)],
  ["width", "50p", part(0.5)],
  ["width", "50%", part(0.5)],
  ["height", "0.25", part(0.25)],
  ["height", ".25", part(0.25)],
  ["height", "150.5p", part(1.505)],
  ["fit", "bounds", "bounds"],
  ["fit", "CROP", "crop"],
  ["dpr", "1.5", 1.5],
  ["crop", "16:9", { area: centre, safe: false }],
  ["crop", "16:9,safe", { area: centre, safe: true }],
  ["crop", "16:9,smart", { area: centre, safe: false }],
  ["crop", "10,20p", { area: { width: px(10), height: part(0.2) }, safe: false }],
  ["crop", "10,20,x30,y5p,safe", {
    area: { width: px(10), height: px(20) },
    x: px(30),
    y: part(0.05),
    safe: true,
  }],
  ["precrop", "1:1,offset-x30,offset-y15,safe", {
    area: { ratio: 1 },
    x: { offset: 0.3 },
    y: { offset: 0.15 },
    safe: true,
  }],
  ["crop", "1:1,x0", { area: { ratio: 1 }, x: px(0), safe: false }],
  ["canvas", "200,200,offset-x30", {
    area: { width: px(200), height: px(200) },
    x: { offset: 0.3 },
  }],
  ["pad", "1", { top: px(1), right: px(1), bottom: px(1), left: px(1) }],
  ["pad", "1,2p", { top: px(1), right: part(0.02), bottom: px(1), left: part(0.02) }],
  ["trim", "1,2,3", { top: px(1), right: px(2), bottom: px(3), left: px(2) }],
  ["trim", "1,2,3,0.5", { top: px(1), right: px(2), bottom: px(3), left: part(0.5) }],
  ["bg-color", "f0A", { r: 255, g: 0, b: 170, alpha: 1 }],
  ["bg-color", "#ff00aa", { r: 255, g: 0, b: 170, alpha: 1 }],
  ["bg-color", "1,2,3", { r: 1, g: 2, b: 3, alpha: 1 }],
  ["bg-color", "0,255,0,0.3", { r: 0, g: 255, b: 0, alpha: 0.3 }],
  ["blur", "50.0", px(50)],
  ["blur", "0.8p", part(0.008)],
  ["brightness", "-50", -50],
  ["contrast", "+5", 5],
  ["saturation", "100", 100],
  ["sharpen", "a5,r2.5,t1", { amount: 5, radius: 2.5, threshold: 1 }],
  ["quality", "0", 0],
  ["optimize", "medium", "medium"],
  ["orient", "6", 6],
  ["orient", "r", 6],
  ["orient", "hv", 3],
  ["resize-filter", "bilinear", "linear"],
  ["format", "webply", "webp"],
  ["format", "jpegxl", "jxl"],
  ["auto", "avif", "avif"],
  ["enable", "upscale", "upscale"],
  ["frame", "1", 1],
];

Deno.test("each parameter is read as Fastly's SDKs write it", () => {
  for (const [name, value, expected] of GOOD) assertEquals(read(name, value), expected, value);
});

const BAD: Readonly<Record<string, readonly string[]>> = {
  width: ["", "0", "-1", "1e3", "0p", "p", "10px", "Infinity", "1,2", "50 p"],
  fit: ["contain", "__proto__", ""],
  dpr: ["0", "10.1", "-1"],
  crop: [
    "",
    "1",
    "16:0",
    "0:9",
    "10,0",
    "1:1,x",
    "1:1,z1",
    "1:1,x1,x2",
    "1:1,offset-x101",
    "1:1,fast",
  ],
  canvas: ["1:1,safe", "10"],
  pad: ["", "1,", "1,2,3,4,5", "-1"],
  "bg-color": ["ff", "1,2", "256,0,0", "0,0,0,2", "0,0,0,1,1", "red"],
  blur: ["0", "0.4", "1001", "101p"],
  brightness: ["101", "a"],
  sharpen: ["5", "a11,r1,t1", "a1,r0.4,t1", "a1,r1,t256", "a1,r1"],
  quality: ["101", "-1"],
  orient: ["0", "9", "left"],
  frame: ["2"],
  auto: ["jpg"],
};

Deno.test("a value that is none is a fault, and the parameter is left out", () => {
  for (const [name, values] of Object.entries(BAD)) {
    for (const value of values) assertEquals(read(name, value), undefined, `${name}=${value}`);
  }
});

Deno.test("options win over the URL's parameters, and the first of two in one place over the second", () => {
  const { parameters, faults } = readParameters(
    "http://a.test/?width=1&height=2&quality=3&quality=4&a=1&a=2",
    "width=5&fit=crop&fit=cover",
  );
  assertEquals(parameters, { width: px(5), height: px(2), quality: 3, fit: "crop" });
  assertEquals(faults, ['Duplicate parameter "fit"', 'Duplicate parameter "quality"']);
});

Deno.test("unknown parameters are ignored, unsupported ones are named in a warning", () => {
  const { parameters, faults, warnings } = readParameters(
    "/?region=x&__proto__=1&w=1",
    "bw=atkinson",
  );
  assertEquals([parameters, faults], [{}, []]);
  assertEquals(warnings, ['Parameter "bw" is not supported here']);
});

Deno.test("only the options, not the URL, decide how strict the reading is and which parameters the origin gets", () => {
  const url = "/a?allow_malformed_query_params=true&preserve_query_string_on_origin_request=true";
  const { lenient, origin } = readParameters(url, "region=asia");
  assertEquals([lenient, origin], [false, "/a"]);
  assertEquals(readParameters("/a?width=1#b", "").origin, "/a");
  const keep = "preserve_query_string_on_origin_request=true";
  assertEquals(readParameters("/a?width=1", keep).origin, "/a");
  assertEquals(readParameters("/a?%77idth=1&b&c=%20", keep).origin, "/a?b&c=%20");
});
