import sharp from "npm:sharp@0.35.5";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { ask, image, shown } from "./asking.ts";
import {
  BLUE,
  CLEAR,
  codecOf,
  corners,
  encoded,
  GREEN,
  near,
  paint,
  type Picture,
  type Pixel,
  quarters,
  RED,
  WHITE,
} from "./pictures.ts";

async function transformed(picture: Picture, query: string): Promise<Picture> {
  return await shown(await ask(await encoded(picture), query));
}

function assertNear(actual: readonly Pixel[], expected: readonly Pixel[]): void {
  const close = actual.length === expected.length &&
    actual.every((it, i) => near(it, expected[i]!));
  assert(close, `${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`);
}

Deno.test("an image is resized, and its response has both sizes", async () => {
  const source = await encoded(quarters(80, 40));
  const response = await ask(source, "width=20&region=us_east");
  assertEquals(response.headers.get("content-type"), "image/png");
  const size = response.headers.get("content-length");
  assertEquals(
    response.headers.get("fastly-io-info"),
    `ifsz=${source.length} idim=80x40 ifmt=png ofsz=${size} odim=20x10 ofmt=png`,
  );
  const result = await shown(response);
  assertEquals([result.width, result.height], [20, 10]);
  assertNear(corners(result), [RED, GREEN, BLUE, WHITE]);
});

Deno.test("each orientation is EXIF's", async () => {
  const expected: Record<number, Pixel[]> = {
    1: [RED, GREEN, BLUE, WHITE],
    2: [GREEN, RED, WHITE, BLUE],
    3: [WHITE, BLUE, GREEN, RED],
    4: [BLUE, WHITE, RED, GREEN],
    5: [RED, BLUE, GREEN, WHITE],
    6: [BLUE, RED, WHITE, GREEN],
    7: [WHITE, GREEN, BLUE, RED],
    8: [GREEN, WHITE, RED, BLUE],
  };
  for (const [orient, colours] of Object.entries(expected)) {
    const result = await transformed(quarters(16, 8), `orient=${orient}&width=4`);
    assertEquals([result.width, result.height], Number(orient) < 5 ? [4, 2] : [4, 8], orient);
    assertNear(corners(result), colours);
  }
});

Deno.test("an image is upright before anything else, and loses its EXIF", async () => {
  for (const orientation of [2, 3, 5, 6, 7, 8]) {
    const source = await encoded(
      quarters(64, 32),
      (image) =>
        image.jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).withMetadata({ orientation }),
    );
    const response = await ask(source, "crop=50p,50p,x0,y0&quality=100");
    const bytes = new Uint8Array(await response.clone().arrayBuffer());
    assertEquals((await sharp(bytes).metadata()).orientation, undefined);
    const result = await shown(response);
    assertEquals([result.width, result.height], orientation < 5 ? [32, 16] : [16, 32]);
    const upperLeft = { 2: GREEN, 3: WHITE, 5: RED, 6: BLUE, 7: WHITE, 8: GREEN }[orientation]!;
    assertNear(corners(result), [upperLeft, upperLeft, upperLeft, upperLeft]);
  }
});

Deno.test("crop, trim and precrop keep the given areas", async () => {
  for (
    const [query, colour] of [
      ["crop=4,4,x0,y0", RED],
      ["crop=1:1,offset-x100&trim=0,0,50p,0", GREEN],
      ["trim=50p,50p,0,0", BLUE],
      ["precrop=8,4,x8,y4&crop=4,4", WHITE],
    ] as const
  ) {
    const result = await transformed(quarters(16, 8), query);
    assertNear(corners(result).slice(1, 2), [colour]);
  }
});

Deno.test("a crop beyond the image is an error, unless it is safe", async () => {
  const source = await encoded(quarters(16, 8));
  const response = await ask(source, "crop=10,10");
  assertEquals(response.status, 400);
  assertEquals(
    response.headers.get("fastly-io-error"),
    "Invalid transformation for requested image: Invalid crop, region out of bounds",
  );
  assertEquals((await shown(await ask(source, "crop=10,10,safe"))).height, 8);
});

Deno.test("an image is fitted, cut in its middle, and put in a frame", async () => {
  const cut = await transformed(quarters(40, 20), "width=10&height=10&fit=crop");
  assertEquals([cut.width, cut.height], [10, 10]);
  assertNear(corners(cut), [RED, GREEN, BLUE, WHITE]);
  const padded = await transformed(quarters(4, 2), "pad=1&bg-color=00f");
  assertEquals([padded.width, padded.height, padded.at(0, 0)], [6, 4, BLUE]);
  assertEquals([padded.at(1, 1), padded.at(4, 1)], [RED, GREEN]);
  const framed = await transformed(quarters(4, 2), "canvas=1:1,offset-y100");
  assertEquals([framed.width, framed.height], [4, 4]);
  assertEquals([framed.at(0, 0), framed.at(0, 2), framed.at(3, 3)], [CLEAR, RED, WHITE]);
});

Deno.test("a background is put behind transparent pixels, and is white in a JPEG", async () => {
  const half = paint(8, 8, () => [255, 0, 0, 0]);
  assertEquals((await transformed(half, "bg-color=0,255,0")).at(0, 0), GREEN);
  const translucent = (await transformed(half, "bg-color=0,255,0,0.5")).at(0, 0);
  assertNear([translucent], [[0, 255, 0, 128]]);
  assertNear([(await transformed(half, "format=jpg")).at(0, 0)], [WHITE]);
  assertNear([(await transformed(half, "format=jpg&bg-color=f00")).at(0, 0)], [RED]);
});

Deno.test("brightness, contrast and saturation go both ways, and leave transparency alone", async () => {
  const grey = paint(4, 4, () => [100, 100, 100, 128]);
  const of = async (query: string) => (await transformed(grey, query)).at(1, 1);
  assertEquals(await of("brightness=100"), [255, 255, 255, 128]);
  assertEquals(await of("brightness=-100"), [0, 0, 0, 128]);
  assertEquals(await of("contrast=-100"), [128, 128, 128, 128]);
  assertEquals(await of("contrast=100"), [0, 0, 0, 128]);
  const pink = paint(4, 4, () => [200, 100, 100, 255]);
  const [r, g] = (await transformed(pink, "saturation=-100")).at(1, 1);
  assert(Math.abs(r - g) < 4);
  const [r2, g2] = (await transformed(pink, "saturation=50")).at(1, 1);
  assert(r2 - g2 > 110);
});

Deno.test("blur mixes neighbours, sharpen parts them", async () => {
  const step = paint(32, 8, (x) => x < 16 ? [80, 80, 80, 255] : [160, 160, 160, 255]);
  const [soft] = (await transformed(step, "blur=8")).at(14, 4);
  assert(soft > 84, String(soft));
  const [percent] = (await transformed(step, "blur=25p")).at(14, 4);
  assertEquals(percent, soft);
  const [hard] = (await transformed(step, "sharpen=a5,r2,t0")).at(15, 4);
  assert(hard < 76, String(hard));
});

Deno.test("every format that can be asked for is written", async () => {
  const source = await encoded(quarters(16, 8));
  for (
    const [format, written] of [
      ...[["jpg", "jpeg"], ["jpeg", "jpeg"], ["bjpg", "jpeg"], ["pjpg", "jpeg"]],
      ...[["png", "png"], ["png8", "png"], ["gif", "gif"], ["avif", "heif"]],
      ...[["webp", "webp"], ["webpll", "webp"], ["webply", "webp"]],
    ]
  ) {
    const response = await ask(source, `format=${format}`);
    assertEquals(response.headers.get("vary"), null);
    const type = written === "heif" ? "avif" : written;
    assertEquals(response.headers.get("content-type"), `image/${type}`, format);
    assertMatch(response.headers.get("fastly-io-info")!, new RegExp(`ofmt=${type}$`));
    assertEquals((await shown(response)).format, written);
  }
});

Deno.test("quality and optimize make smaller files, pjpg a progressive one, png8 one of a palette", async () => {
  const source = await encoded(
    paint(64, 64, (x, y) => [x * 4, y * 4, (x * y) % 256, 255]),
    (image) => image.png(),
  );
  const bytes = async (query: string) =>
    new Uint8Array(await (await ask(source, query)).arrayBuffer());
  const size = async (query: string) => (await bytes(query)).length;
  for (const format of ["jpg", "webp", "avif"]) {
    assert(await size(`format=${format}&quality=20`) < await size(`format=${format}&quality=90`));
    assert(await size(`format=${format}&optimize=high`) < await size(`format=${format}`));
  }
  assertEquals((await sharp(await bytes("format=pjpg")).metadata()).isProgressive, true);
  assertEquals((await sharp(await bytes("format=bjpg")).metadata()).isProgressive, false);
  assertEquals((await sharp(await bytes("format=png8")).metadata()).isPalette, true);
});

Deno.test("an image of a format without an encoder keeps its format, with a warning", async () => {
  const response = await ask(await encoded(quarters(16, 8)), "format=jxl&metadata=copyright");
  assertEquals(response.headers.get("content-type"), "image/png");
  assertEquals(
    response.headers.get("fastly-io-warning"),
    'Parameter "metadata" is not supported here, Format "jxl" is not supported here',
  );
  await response.body?.cancel();
});

Deno.test("auto depends on the client's Accept field, and Vary names it", async () => {
  const source = await encoded(quarters(16, 8));
  const typeOf = async (query: string, accept: string) => {
    const response = await ask(image(source, { vary: "origin" }), query, { accept });
    await response.body?.cancel();
    return [response.headers.get("content-type"), response.headers.get("vary")];
  };
  const all = "image/avif,image/webp,*/*;q=0.8";
  assertEquals(await typeOf("auto=webp", all), ["image/webp", "origin, accept"]);
  assertEquals(await typeOf("auto=avif", all), ["image/avif", "origin, accept"]);
  assertEquals(await typeOf("format=auto", all), ["image/avif", "origin, accept"]);
  assertEquals(await typeOf("auto=avif", "image/webp"), ["image/webp", "origin, accept"]);
  assertEquals(await typeOf("auto=webp", "*/*"), ["image/png", "origin, accept"]);
  assertEquals(await typeOf("auto=webp&format=jpg", "*/*"), ["image/jpeg", "origin, accept"]);
  assertEquals(await typeOf("auto=webp", "image/webp;q=0"), ["image/png", "origin, accept"]);
  assertEquals(await typeOf("format=webp", "*/*"), ["image/webp", "origin"]);
});

Deno.test("frames stay together, with their times, unless one is asked for", async () => {
  const frames = [RED, GREEN, BLUE].map((colour) => paint(8, 8, () => colour));
  const inputs = await Promise.all(frames.map((frame) => encoded(frame)));
  const gif = await sharp(inputs, { join: { animated: true } })
    .gif({ delay: [100, 200, 300], loop: 2 }).toBuffer();
  const source = new Uint8Array(gif);
  for (const [query, format] of [["width=4&orient=6", "gif"], ["height=4&format=webp", "webp"]]) {
    const response = await ask(image(source, { "content-type": "image/gif" }), query!);
    assertMatch(response.headers.get("fastly-io-info")!, /idim=8x8 .* odim=4x4/);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const { pages, delay, loop, format: written } = await sharp(bytes).metadata();
    assertEquals({ pages, delay, loop, written }, {
      pages: 3,
      delay: [100, 200, 300],
      loop: 2,
      written: format as typeof written,
    });
    const last = await sharp(bytes, { page: 2 }).ensureAlpha().raw().toBuffer();
    assertNear([[last[0]!, last[1]!, last[2]!, last[3]!]], [BLUE]);
  }
  const one = await (await ask(source, "frame=1")).arrayBuffer();
  assertEquals((await sharp(one).metadata()).pages ?? 1, 1);
});

Deno.test("all frames together are bounded, as they come and as they go", async () => {
  const frames = Array.from({ length: 40 }, (_, at) => paint(8, 8, () => at % 2 ? RED : BLUE));
  const inputs = await Promise.all(frames.map((frame) => encoded(frame)));
  const gif = new Uint8Array(await sharp(inputs, { join: { animated: true } }).gif().toBuffer());
  for (const query of ["width=2000&enable=upscale", "pad=900", "canvas=2000,2000"]) {
    const refused = await ask(gif, query);
    assertEquals(refused.status, 400, query);
    assertMatch(await refused.text(), /in each of 40 frames/);
    assertEquals((await ask(gif, `${query}&frame=1`)).status, 200, query);
  }
});

Deno.test("images of other colour models and depths come in sRGB", async () => {
  const picture = quarters(16, 8);
  const cmyk = await encoded(picture, (image) => image.flatten().toColourspace("cmyk").jpeg());
  const deep = await encoded(picture, (image) => image.toColourspace("rgb16").png());
  const grey = new Uint8Array(await codecOf(picture).flatten().greyscale().png().toBuffer());
  for (const source of [cmyk, deep, grey]) {
    const response = await ask(source, "orient=2&pad=1&saturation=-10&brightness=10");
    assertEquals((await shown(response)).width, 18);
  }
});
