import { ImageError } from "../../../drivers/images/error.ts";
import { type Geometry, geometryOf, MAX_PIXELS } from "../../../drivers/images/geometry.ts";
import { readParameters } from "../../../drivers/images/parameters.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import * as fc from "../../properties.ts";

function plan(query: string, width: number, height: number): Geometry {
  const { parameters, faults } = readParameters("/", query);
  assertEquals(faults, []);
  return geometryOf(parameters, { width, height });
}

/** The size in the end. */
function sizes(query: string, width: number, height: number): string {
  const { frame } = plan(query, width, height);
  return `${frame.width}x${frame.height}`;
}

Deno.test("an image gets the size that is asked for, of 400x200", () => {
  const table: Record<string, string> = {
    "": "400x200",
    "width=100": "100x50",
    "height=50p": "200x100",
    "width=0.1": "40x20",
    "width=100&height=100": "100x100",
    "width=100&height=100&fit=bounds": "100x50",
    "width=100&height=100&fit=cover": "200x100",
    "width=100&height=100&fit=crop": "100x100",
    "width=100&dpr=2": "200x100",
    "width=33&height=33&fit=crop&dpr=1.5": "50x50",
    "width=800": "400x200",
    "width=800&enable=upscale": "800x400",
    "width=800&enable=upscale&disable=upscale": "400x200",
    "width=800&height=100": "400x100",
    "width=800&height=800&fit=cover": "400x200",
    "width=800&height=800&fit=crop": "200x200",
    "width=800&height=800&fit=crop&enable=upscale": "800x800",
    "width=1": "1x1",
    "width=100&orient=6": "100x200",
    "width=100&height=50&orient=8&fit=crop": "100x50",
    "crop=1:1": "200x200",
    "crop=1:1&width=50": "50x50",
    "precrop=50p,50p&crop=50p,50p": "100x50",
    "trim=10,20": "360x180",
    "trim=25p": "200x100",
    "crop=1:1&trim=0,200,0,0": "200x200",
    "pad=10,20": "440x220",
    "width=100&pad=10p": "120x60",
    "canvas=1:1": "400x400",
    "canvas=4:1": "800x200",
    "canvas=500,100": "500x200",
    "canvas=150p,150p": "600x300",
    "pad=10&canvas=1:1": "420x420",
  };
  for (const [query, size] of Object.entries(table)) {
    assertEquals(sizes(query, 400, 200), size, query);
  }
});

Deno.test("a crop is where it is asked for, and else in the middle", () => {
  const at = (query: string) => {
    const { left, top } = plan(query, 400, 200).region;
    return [left, top];
  };
  assertEquals(at("crop=100,100"), [150, 50]);
  assertEquals(at("crop=100,100,x10,y20p"), [10, 40]);
  assertEquals(at("crop=100,100,offset-x0,offset-y100"), [0, 100]);
  assertEquals(at("crop=1:1,offset-x25"), [50, 0]);
  assertEquals(at("precrop=200,100,x50,y50&crop=100,50,x10,y10"), [60, 60]);
  const { region } = plan("crop=100,100,x350,y150,safe", 400, 200);
  assertEquals(region, { left: 350, top: 150, width: 50, height: 50 });
});

Deno.test("an image stays in its frame whole", () => {
  assertEquals(plan("canvas=500,300", 400, 200).frame, {
    left: 50,
    top: 50,
    width: 500,
    height: 300,
  });
  assertEquals(plan("canvas=500,300,x499,y10", 400, 200).frame.left, 100);
  assertEquals(plan("canvas=500,300,x499,y10&pad=5", 400, 200).frame.left, 95);
});

Deno.test("areas outside the image, and sizes that are too large, are refused", () => {
  for (
    const query of [
      "crop=401,10",
      "crop=100,100,x301",
      "crop=100,100,x400,safe",
      "trim=100,0",
      "width=20000&height=20000&enable=upscale",
      "pad=20000",
    ]
  ) {
    const error = assertThrows(() => plan(query, 400, 200), ImageError);
    assertEquals(error.status, 400);
  }
});

const side = fc.integer({ min: 1, max: 5000 });
const lengths = fc.oneof(side.map(String), fc.integer({ min: 1, max: 400 }).map((n) => `${n}p`));
const places = fc.constantFrom("", ",x1", ",y10p", ",offset-x20", ",offset-x0,offset-y100");
const areas = fc.oneof(
  fc.tuple(side, side).map((pair) => pair.join(":")),
  fc.tuple(lengths, lengths).map((pair) => pair.join(",")),
);
const queries = fc.record({
  precrop: fc.tuple(areas, places).map(([area, place]) => `${area}${place},safe`),
  trim: fc.constantFrom("0", "1p", "10p,0,20p"),
  crop: fc.tuple(areas, places).map(([area, place]) => `${area}${place},safe`),
  orient: fc.integer({ min: 1, max: 8 }).map(String),
  width: lengths,
  height: lengths,
  fit: fc.constantFrom("bounds", "cover", "crop"),
  dpr: fc.constantFrom("0.5", "1.3", "3"),
  enable: fc.constant("upscale"),
  pad: fc.constantFrom("1", "10p", "1,2,3,4"),
  canvas: fc.tuple(areas, places).map((pair) => pair.join("")),
}, { requiredKeys: [] });

Deno.test("whatever is asked for, each step stays within the one before", () => {
  fc.assert(fc.property(queries, side, side, (query, width, height) => {
    let planned: Geometry;
    try {
      planned = plan(new URLSearchParams(query).toString(), width, height);
    } catch (error) {
      assert(error instanceof ImageError);
      return;
    }
    const { region, resized, orient, cut, frame } = planned;
    const turned = orient >= 5 ? { width: resized.height, height: resized.width } : resized;
    for (const [inner, outer] of [[region, { width, height }], [cut, turned]] as const) {
      assert(inner.left >= 0 && inner.left + inner.width <= outer.width);
      assert(inner.top >= 0 && inner.top + inner.height <= outer.height);
    }
    assert(frame.left >= 0 && frame.left + cut.width <= frame.width);
    assert(frame.top >= 0 && frame.top + cut.height <= frame.height);
    for (const size of [region, resized, cut, frame]) {
      assert(size.width >= 1 && size.height >= 1 && size.width * size.height <= MAX_PIXELS);
    }
    const numbers = [region, resized, cut, frame].flatMap((step) => Object.values(step));
    assert(numbers.every(Number.isInteger), JSON.stringify(planned));
    if (!query.enable) assert(resized.width <= region.width && resized.height <= region.height);
  }));
});
