import { ImageError } from "./error.ts";
import type { Parameters } from "./parameters.ts";
import type { Crop, Length, PlacedArea, Position } from "./values.ts";

/** Size in whole pixels, at least 1. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Rectangle, with its offset from the upper left corner. */
export interface Region extends Size {
  readonly left: number;
  readonly top: number;
}

/** Geometric steps from the source to the result, in their order. */
export interface Geometry {
  /** Region of the source that is used. */
  readonly region: Region;
  /** Size that the region is resized to. */
  readonly resized: Size;
  /** Orientation that is applied then, as a number of EXIF. */
  readonly orient: number;
  /** Region that is cut out then. */
  readonly cut: Region;
  /** Frame around it: its size, and the offset of the image in it. */
  readonly frame: Region;
}

/** Maximum number of pixels of a source or result. */
export const MAX_PIXELS = 100_000_000;

/**
 * Plans the geometric steps for an upright source of a size.
 *
 * @param frames Number of frames of the result, all of which are in memory at the end. By default 1.
 * @throws {ImageError} If a requested region is outside the image, or the result would be too large.
 */
export function geometryOf(parameters: Parameters, source: Size, frames = 1): Geometry {
  const region = regionOf(parameters, source);
  const orient = parameters.orient ?? 1;
  const turn = (size: Size) => orient >= 5 ? swapped(size) : size;
  const { width, height } = region;
  const { whole, cut } = resizedOf(parameters, turn({ width, height }));
  const frame = frameOf(parameters, cut);
  for (const [{ width, height }, count] of [[whole, 1], [frame, frames]] as const) {
    if (width * height * count > MAX_PIXELS) {
      const each = count === 1 ? "" : ` in each of ${count} frames`;
      throw invalid(`the image would have ${width}x${height} pixels${each}`);
    }
  }
  return { region, resized: turn(whole), orient, cut, frame };
}

function swapped({ width, height }: Size): Size {
  return { width: height, height: width };
}

function invalid(reason: string): ImageError {
  return new ImageError(400, `Invalid transformation for requested image: ${reason}`);
}

/** Returns the region that precrop, trim and crop leave, in this order. */
function regionOf({ precrop, trim, crop }: Parameters, source: Size): Region {
  let region: Region = { left: 0, top: 0, ...source };
  if (precrop) region = within(region, cropped(precrop, region));
  if (trim) {
    const [top, bottom] = [trim.top, trim.bottom].map((side) => pixels(side, region.height));
    const [left, right] = [trim.left, trim.right].map((side) => pixels(side, region.width));
    const width = region.width - left! - right!;
    const height = region.height - top! - bottom!;
    if (width < 1 || height < 1) throw invalid("Invalid trim, nothing is left");
    region = within(region, { left: left!, top: top!, width, height });
  }
  return crop ? within(region, cropped(crop, region)) : region;
}

function within(outer: Region, inner: Region): Region {
  return { ...inner, left: outer.left + inner.left, top: outer.top + inner.top };
}

function cropped(crop: Crop, image: Size): Region {
  const size = sizeOf(crop, image, (ratio) => {
    const wide = image.width / image.height > ratio;
    return wide
      ? { width: Math.round(image.height * ratio), height: image.height }
      : { width: image.width, height: Math.round(image.width / ratio) };
  });
  const requested = {
    ...size,
    left: startOf(crop.x, image.width, image.width - size.width),
    top: startOf(crop.y, image.height, image.height - size.height),
  };
  const region = intersection(requested, image);
  const inside = region.width === size.width && region.height === size.height;
  if (region.width < 1 || region.height < 1 || !(inside || crop.safe)) {
    throw invalid("Invalid crop, region out of bounds");
  }
  return region;
}

function intersection(region: Region, image: Size): Region {
  const [left, top] = [Math.max(0, region.left), Math.max(0, region.top)];
  return {
    left,
    top,
    width: Math.min(image.width, region.left + region.width) - left,
    height: Math.min(image.height, region.top + region.height) - top,
  };
}

function sizeOf({ area }: PlacedArea, image: Size, byRatio: (ratio: number) => Size): Size {
  const { width, height } = "ratio" in area ? byRatio(area.ratio) : {
    width: pixels(area.width, image.width),
    height: pixels(area.height, image.height),
  };
  return atLeastOne(width, height);
}

function atLeastOne(width: number, height: number): Size {
  return { width: Math.max(1, Math.round(width)), height: Math.max(1, Math.round(height)) };
}

/** @param left Length that is left over; negative for a region that is larger than the image. */
function startOf(position: Position = { offset: 0.5 }, side: number, left: number): number {
  return "offset" in position ? Math.round(left * position.offset) : pixels(position, side);
}

function pixels(length: Length, side: number): number {
  return "pixels" in length ? length.pixels : Math.round(length.part * side);
}

/** Returns the new size of the whole image, and the region to cut out of it. */
function resizedOf(parameters: Parameters, source: Size): { whole: Size; cut: Region } {
  const { width, height, dpr = 1, fit } = parameters;
  const uncut = (whole: Size) => ({ whole, cut: { left: 0, top: 0, ...whole } });
  if (!width && !height) return uncut(source);
  const requested = {
    width: width && exact(width, source.width) * dpr,
    height: height && exact(height, source.height) * dpr,
  };
  const scales = [
    requested.width && requested.width / source.width,
    requested.height && requested.height / source.height,
  ].filter((scale) => scale !== undefined);
  const max = parameters.enable && !parameters.disable ? Infinity : 1;
  if (requested.width && requested.height && !fit) {
    const [across, down] = scales.map((scale) => Math.min(scale, max));
    return uncut(atLeastOne(source.width * across!, source.height * down!));
  }
  const wanted = fit === "cover" || fit === "crop" ? Math.max(...scales) : Math.min(...scales);
  const scale = Math.min(wanted, max);
  const whole = atLeastOne(source.width * scale, source.height * scale);
  if (fit !== "crop" || !requested.width || !requested.height) return uncut(whole);
  const shrunk = scale / wanted;
  const box = atLeastOne(requested.width * shrunk, requested.height * shrunk);
  const size = {
    width: Math.min(box.width, whole.width),
    height: Math.min(box.height, whole.height),
  };
  return {
    whole,
    cut: {
      ...size,
      left: Math.floor((whole.width - size.width) / 2),
      top: Math.floor((whole.height - size.height) / 2),
    },
  };
}

function exact(length: Length, side: number): number {
  return "pixels" in length ? length.pixels : length.part * side;
}

/** Returns the frame that pad and canvas put around an image. */
function frameOf({ pad, canvas }: Parameters, image: Size): Region {
  let frame: Region = { left: 0, top: 0, width: image.width, height: image.height };
  if (pad) {
    const [top, bottom] = [pad.top, pad.bottom].map((side) => pixels(side, image.height));
    const [left, right] = [pad.left, pad.right].map((side) => pixels(side, image.width));
    const width = left! + image.width + right!;
    frame = { left: left!, top: top!, width, height: top! + image.height + bottom! };
  }
  if (!canvas) return frame;
  const inner = frame;
  const size = sizeOf(
    canvas,
    inner,
    (ratio) =>
      inner.width / inner.height > ratio
        ? { width: inner.width, height: inner.width / ratio }
        : { width: inner.height * ratio, height: inner.height },
  );
  const width = Math.max(size.width, inner.width);
  const height = Math.max(size.height, inner.height);
  return {
    left: inner.left + placeOf(canvas.x, width, width - inner.width),
    top: inner.top + placeOf(canvas.y, height, height - inner.height),
    width,
    height,
  };
}

/** Returns an offset on a canvas at which the image is still wholly on it. */
function placeOf(position: Position | undefined, side: number, left: number): number {
  return Math.min(left, startOf(position, side, left));
}
