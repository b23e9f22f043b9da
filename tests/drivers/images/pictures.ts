import sharp from "npm:sharp@0.35.5";

/** Red, green, blue and how opaque, from 0 to 255. */
export type Pixel = readonly [r: number, g: number, b: number, alpha: number];

export const RED: Pixel = [255, 0, 0, 255];
export const GREEN: Pixel = [0, 255, 0, 255];
export const BLUE: Pixel = [0, 0, 255, 255];
export const WHITE: Pixel = [255, 255, 255, 255];
export const CLEAR: Pixel = [0, 0, 0, 0];

/** A picture of quarters: red and green above, blue and white below. */
export function quarters(width: number, height: number): Picture {
  return paint(width, height, (x, y) => {
    const [left, right] = y < height / 2 ? [RED, GREEN] : [BLUE, WHITE];
    return x < width / 2 ? left : right;
  });
}

/** Pixels in memory. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  at(x: number, y: number): Pixel;
  readonly data: Uint8Array;
}

export function paint(
  width: number,
  height: number,
  colour: (x: number, y: number) => Pixel,
): Picture {
  const data = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set(colour(x, y), (y * width + x) * 4);
  }
  return picture(width, height, data);
}

function picture(width: number, height: number, data: Uint8Array): Picture {
  const at = (x: number, y: number) =>
    [...data.subarray((y * width + x) * 4, (y * width + x + 1) * 4)] as unknown as Pixel;
  return { width, height, data, at };
}

type Sharp = ReturnType<typeof sharp>;

/** The codec over a picture, to encode it with. */
export function codecOf({ width, height, data }: Picture): Sharp {
  return sharp(data, { raw: { width, height, channels: 4 } });
}

/** An encoded picture: as PNG, which is not lossy, unless it says otherwise. */
export async function encoded(
  picture: Picture,
  encode: (image: Sharp) => Sharp = (image) => image.png(),
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await encode(codecOf(picture)).toBuffer());
}

/** Pixels of an encoded picture, without its EXIF orientation. */
export async function decoded(bytes: Uint8Array): Promise<Picture & { format: string }> {
  const { format } = await sharp(bytes).metadata();
  const { data, info } = await sharp(bytes).toColourspace("srgb").ensureAlpha().raw()
    .toBuffer({ resolveWithObject: true });
  return { ...picture(info.width, info.height, data), format };
}

/** The corners of a picture, from the upper left in reading order. */
export function corners(picture: Picture): Pixel[] {
  const [right, bottom] = [picture.width - 1, picture.height - 1];
  return [[0, 0], [right, 0], [0, bottom], [right, bottom]].map(([x, y]) => picture.at(x!, y!));
}

/** Whether a colour is as good as another one. */
export function near(a: Pixel, b: Pixel, max = 24): boolean {
  return a.every((value, at) => Math.abs(value - b[at]!) <= max);
}
