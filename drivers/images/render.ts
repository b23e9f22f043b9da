import { type Encoding, encodingOf, type Format } from "./encoding.ts";
import { ImageError } from "./error.ts";
import { type Geometry, geometryOf, MAX_PIXELS, type Size } from "./geometry.ts";
import type { Parameters } from "./parameters.ts";
import type { Codec, Metadata, Sharp } from "./sharp.ts";
import type { Colour } from "./values.ts";
import { firstLineOf } from "../../service/errors.ts";

/** Source image: its bytes and the facts in its head. */
export interface SourceImage extends Size {
  readonly bytes: Uint8Array;
  /** Width of the first frame, in its upright orientation. */
  readonly width: number;
  readonly height: number;
  /** Number of frames. */
  readonly frames: number;
  readonly metadata: Metadata;
}

/** Encoded result. */
export interface Rendered extends Size {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly format: Format;
}

/** One step of a transformation. */
type Stage = (image: Sharp) => Sharp;

const WHITE = { r: 255, g: 255, b: 255, alpha: 1 };
const CLEAR = { r: 0, g: 0, b: 0, alpha: 0 };
/** Effort of AVIF's encoder, from 0 to 9. It is low, since a result is made for one request and not for a large cache. */
const AVIF_EFFORT = 2;
/** Largest sigma that the codec sharpens with. */
const MAX_SHARPEN_SIGMA = 10;

/**
 * Reads the head of an image; undefined if the codec cannot read it.
 *
 * @throws {ImageError} If it has too many pixels.
 */
export async function open(sharp: Codec, bytes: Uint8Array): Promise<SourceImage | undefined> {
  const metadata = await sharp(bytes, { limitInputPixels: false }).metadata().catch(() => {});
  if (!metadata) return undefined;
  const { width, height } = metadata.autoOrient;
  const frames = metadata.pages ?? 1;
  if (width * height * frames > MAX_PIXELS) {
    throw new ImageError(413, `The image has more than ${MAX_PIXELS} pixels`);
  }
  return { bytes, width, height, frames, metadata };
}

/**
 * Transforms and encodes an image, on threads of the codec.
 *
 * @param accept Field `Accept` of the request.
 * @throws {ImageError} If the image is malformed, or the transformation is not possible.
 */
export async function render(
  sharp: Codec,
  source: SourceImage,
  parameters: Parameters,
  accept: string,
): Promise<Rendered> {
  const encoding = encodingOf(parameters, accept, source.metadata);
  const moving = source.frames > 1 && parameters.frame === undefined &&
    (encoding.format === "gif" || encoding.format === "webp");
  const geometry = geometryOf(parameters, source, moving ? source.frames : 1);
  const stages = [geometric(geometry, parameters), ...effects(geometry, parameters)].flat();
  try {
    const image = moving
      ? await together(sharp, source, stages)
      : await through(sharp, sharp(source.bytes, { ...READING, autoOrient: true }), stages);
    const encoded = encode(image, encoding, source.metadata, parameters["bg-color"] ?? WHITE);
    const { data, info } = await encoded.toBuffer({ resolveWithObject: true });
    const { width, height } = geometry.frame;
    // A copy, for without --allow-ffi the codec may be one in WebAssembly, whose memory is shared with its threads.
    return {
      bytes: new Uint8Array(data),
      format: encoding.format,
      width,
      height: info.pageHeight ?? height,
    };
  } catch (cause) {
    const reason = firstLineOf(cause);
    throw new ImageError(415, `Cannot transform the image: ${reason}`, { cause });
  }
}

const READING = { limitInputPixels: MAX_PIXELS, failOn: "truncated" } as const;

/** Applies stages one by one. Each but the first starts with raw pixels, since the codec has an order of its own. */
async function through(sharp: Codec, image: Sharp, stages: readonly Stage[]): Promise<Sharp> {
  let last = image.toColourspace("srgb");
  for (const [index, stage] of stages.entries()) {
    if (index > 0) {
      const { data, info } = await last.raw().toBuffer({ resolveWithObject: true });
      const { width, height, channels } = info;
      last = sharp(data, { raw: { width, height, channels } });
    }
    last = stage(last);
  }
  return last;
}

/** Applies stages to each frame, and joins the frames to one tall image. */
async function together(
  sharp: Codec,
  source: SourceImage,
  stages: readonly Stage[],
): Promise<Sharp> {
  const { width, height, frames } = source;
  const all = await sharp(source.bytes, { ...READING, animated: true })
    .toColourspace("srgb").ensureAlpha().raw().toBuffer();
  const length = width * height * 4;
  const done: Uint8Array[] = [];
  let size = { width, height };
  for (let at = 0; at < frames; at++) {
    const frame = sharp(all.subarray(at * length, (at + 1) * length), {
      raw: { width, height, channels: 4 },
    });
    const image = await through(sharp, frame, stages);
    const { data, info } = await image.ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    done.push(data);
    size = { width: info.width, height: info.height };
  }
  const raw = {
    width: size.width,
    height: size.height * frames,
    channels: 4,
    pageHeight: size.height,
  } as const;
  return sharp(new Uint8Array(await new Blob(done as BlobPart[]).arrayBuffer()), { raw });
}

function geometric(geometry: Geometry, parameters: Parameters): Stage[] {
  const { region, resized, orient, cut } = geometry;
  const kernel = parameters["resize-filter"] ?? "lanczos3";
  const fastShrinkOnLoad = kernel !== "nearest";
  const stages: Stage[] = [(image) => {
    const part = image.extract(region);
    return same(region, resized)
      ? part
      : part.resize({ ...resized, fit: "fill", kernel, fastShrinkOnLoad });
  }];
  if (FLOPPED.has(orient)) stages.push((image) => image.flop());
  const angle = ANGLES[orient];
  if (angle) stages.push((image) => image.rotate(angle));
  if (orient === 4) stages.push((image) => image.flip());
  const turned = orient >= 5 ? { width: resized.height, height: resized.width } : resized;
  if (!same(cut, turned)) stages.push((image) => image.extract(cut));
  return stages;
}

function same(a: Size, b: Size): boolean {
  return a.width === b.width && a.height === b.height;
}

/** EXIF's orientations as a mirror image, followed by a rotation to the right. */
const FLOPPED: ReadonlySet<number> = new Set([2, 5, 7]);
const ANGLES: Readonly<Record<number, number>> = { 3: 180, 5: 270, 6: 90, 7: 90, 8: 270 };

function effects({ cut, frame }: Geometry, parameters: Parameters): Stage[] {
  const stages: Stage[] = [];
  const background = parameters["bg-color"];
  if (background) stages.push((image) => under(image, background));
  if (!same(cut, frame)) {
    const { left, top } = frame;
    const right = frame.width - cut.width - left;
    const bottom = frame.height - cut.height - top;
    const sides = { left, top, right, bottom, background: background ?? CLEAR };
    stages.push((image) => image.ensureAlpha().extend(sides));
  }
  const { brightness = 0, contrast = 0, saturation, sharpen, blur } = parameters;
  if (brightness || contrast) {
    const slope = slopeOf(contrast);
    stages.push((image) => image.linear(slope, 128 * (1 - slope) + 2.55 * brightness));
  }
  if (saturation) {
    stages.push((image) => image.modulate({ saturation: 1 + saturation / 100 }));
  }
  if (sharpen?.amount) {
    const { amount, radius, threshold } = sharpen;
    const sigma = Math.min(radius, MAX_SHARPEN_SIGMA);
    const [m1, x1] = [threshold ? 0 : amount, threshold / 2.55];
    stages.push((image) => image.sharpen({ sigma, m1, m2: amount, x1, y2: 100, y3: 100 }));
  }
  if (blur) {
    const radius = "pixels" in blur ? blur.pixels : blur.part * Math.max(frame.width, frame.height);
    if (radius > 0) stages.push((image) => image.blur(Math.max(0.3, radius / 2)));
  }
  return stages;
}

/** Puts a colour behind transparent pixels. */
function under(image: Sharp, background: Colour): Sharp {
  if (background.alpha === 1) return image.flatten({ background });
  const create = { width: 1, height: 1, channels: 4, background } as const;
  return image.ensureAlpha().composite([{ input: { create }, tile: true, blend: "dest-over" }]);
}

/** Returns the slope of a contrast: 0 at -100, 1 at 0, and 100 at 100. */
function slopeOf(contrast: number): number {
  return contrast <= 0 ? 1 + contrast / 100 : 1 / Math.max(0.01, 1 - contrast / 100);
}

function encode(
  image: Sharp,
  { format, quality, progressive, palette, lossless }: Encoding,
  { loop = 0, delay }: Metadata,
  background: Colour,
): Sharp {
  const motion = { loop, ...delay && { delay } };
  switch (format) {
    case "jpeg":
      return image.flatten({ background }).jpeg({ quality, progressive });
    case "png":
      return image.png({ palette });
    case "gif":
      return image.gif(motion);
    case "webp":
      return image.webp({ quality, lossless, ...motion });
    case "avif":
      return image.avif({ quality, effort: AVIF_EFFORT });
  }
}
