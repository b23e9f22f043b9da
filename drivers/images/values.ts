/** Values of Image Optimizer parameters (https://www.fastly.com/documentation/reference/io/). @module */

/** Length along one side: pixels, or a part of that side from 0 to 1. */
export type Length = { readonly pixels: number } | { readonly part: number };

/** Width and height, or the ratio of width to height. */
type Area = { readonly width: Length; readonly height: Length } | { readonly ratio: number };

/** Position along one side: a length from its start, or the part of the remaining space before it, of which 0.5 centres. */
export type Position = Length | { readonly offset: number };

/** Area and its position, which is the centre by default. */
export interface PlacedArea {
  readonly area: Area;
  readonly x?: Position;
  readonly y?: Position;
}

/** Region of an image to keep. */
export interface Crop extends PlacedArea {
  /** Whether parts outside the image are left out. If not, they are an error. */
  readonly safe: boolean;
}

/** Lengths to cut from each side, or to add to it. */
export interface Sides {
  readonly top: Length;
  readonly right: Length;
  readonly bottom: Length;
  readonly left: Length;
}

/** Colour: red, green and blue from 0 to 255, alpha from 0 to 1. */
export interface Colour {
  readonly r: number;
  readonly g: number;
  readonly b: number;
  readonly alpha: number;
}

/** Sharpening: its amount, radius in pixels, and threshold as a difference from 0 to 255. */
export interface Sharpen {
  readonly amount: number;
  readonly radius: number;
  readonly threshold: number;
}

/** Parser of a value; its result is undefined for a malformed text. */
export type Parse<T> = (text: string) => T | undefined;

/** Makes a parser of a decimal number within bounds. */
export function number(min: number, max: number): Parse<number> {
  return (text) => {
    if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(text)) return undefined;
    const value = Number(text);
    return value >= min && value <= max ? value : undefined;
  };
}

/** Makes a parser of one of several words, each of which stands for a value. */
export function oneOf<T>(words: Readonly<Record<string, T>>): Parse<T> {
  return (text) => Object.hasOwn(words, text) ? words[text] : undefined;
}

/** Parses a length: pixels (`100`), percent (`50p` or `50%`), or a part (`0.5`). */
function length(text: string): Length | undefined {
  const [, digits, percent] = /^(\d+\.?\d*|\.\d+)([p%]?)$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const value = Number(digits);
  if (percent) return { part: value / 100 };
  return value > 0 && value < 1 ? { part: value } : { pixels: Math.round(value) };
}

/** Parses a length greater than 0. */
export function extent(text: string): Length | undefined {
  const found = length(text);
  return found && ("pixels" in found ? found.pixels : found.part) > 0 ? found : undefined;
}

/** Parses sides: one to four lengths from the top on, clockwise, with the defaults of CSS. */
export function sides(text: string): Sides | undefined {
  const lengths = text.split(",").map(length);
  const [top, right = top, bottom = top, left = right] = lengths;
  if (lengths.length > 4 || lengths.includes(undefined)) return undefined;
  return { top: top!, right: right!, bottom: bottom!, left: left! };
}

/** Parses an area (`16:9` or `100,50p`) and its position (`x10`, `y20p`, `offset-x30`). */
export function placed(text: string): PlacedArea | undefined {
  const [first = "", ...rest] = text.split(",");
  const [, across, down] = /^([\d.]+):([\d.]+)$/.exec(first) ?? [];
  const area = down === undefined
    ? areaOf(extent(first), extent(rest.shift() ?? ""))
    : ratioOf(Number(across), Number(down));
  const places: { x?: Position; y?: Position } = {};
  for (const word of rest) {
    const [, offset, axis, value = ""] = /^(offset-)?([xy])(.+)$/.exec(word) ?? [];
    const position = offset ? offsetOf(value.replace(/[p%]$/, "")) : length(value);
    if (!position || (axis !== "x" && axis !== "y") || places[axis]) return undefined;
    places[axis] = position;
  }
  return area && { area, ...places };
}

function areaOf(width: Length | undefined, height: Length | undefined): Area | undefined {
  return width && height && { width, height };
}

function ratioOf(width: number, height: number): Area | undefined {
  const ratio = width / height;
  return ratio > 0 && Number.isFinite(ratio) ? { ratio } : undefined;
}

function offsetOf(text: string): Position | undefined {
  const percent = number(0, 100)(text);
  return percent === undefined ? undefined : { offset: percent / 100 };
}

/** Parses an area as {@linkcode placed} does, and `safe` or `smart` after it. `smart` is the centre here. */
export function crop(text: string): Crop | undefined {
  const [, where = "", mode] = /^(.*?)(?:,(safe|smart))?$/.exec(text) ?? [];
  const found = placed(where);
  return found && { ...found, safe: mode === "safe" };
}

/** Parses a colour: `f00`, `ff0000`, either with `#`, or `255,0,0` with an optional alpha from 0 to 1. */
export function colour(text: string): Colour | undefined {
  const [, hex] = /^#?([\da-f]{3}|[\da-f]{6})$/i.exec(text) ?? [];
  if (hex) {
    const wide = hex.length === 3 ? hex.replace(/./g, "$&$&") : hex;
    const [r, g, b] = [0, 2, 4].map((at) => parseInt(wide.slice(at, at + 2), 16));
    return { r: r!, g: g!, b: b!, alpha: 1 };
  }
  const words = text.split(",");
  const [r, g, b] = words.slice(0, 3).map(number(0, 255));
  const alpha = words.length < 4 ? 1 : number(0, 1)(words[3]!);
  if (r === undefined || g === undefined || b === undefined || alpha === undefined) {
    return undefined;
  }
  return words.length > 4 ? undefined : { r, g, b, alpha };
}

/** Parses a blur: pixels from 0.5 to 1000, or percent of the image's longer side. */
export function blur(text: string): Length | undefined {
  const percent = /^(.+)[p%]$/.exec(text)?.[1];
  const value = percent === undefined ? number(0.5, 1000)(text) : number(0, 100)(percent);
  if (value === undefined) return undefined;
  return percent === undefined ? { pixels: value } : { part: value / 100 };
}

/** Parses a sharpening `a5,r2,t1`: amount from 0 to 10, radius from 0.5 to 1000, threshold from 0 to 255. */
export function sharpen(text: string): Sharpen | undefined {
  const [, a = "", r = "", t = ""] = /^a([^,]+),r([^,]+),t([^,]+)$/.exec(text) ?? [];
  const [amount, radius, threshold] = [number(0, 10)(a), number(0.5, 1000)(r), number(0, 255)(t)];
  if (amount === undefined || radius === undefined || threshold === undefined) return undefined;
  return { amount, radius, threshold };
}
