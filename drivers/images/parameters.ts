import { splitUrl } from "../../service/http/url.ts";
import {
  blur,
  type Colour,
  colour,
  type Crop,
  crop,
  extent,
  type Length,
  number,
  oneOf,
  type Parse,
  placed,
  type PlacedArea,
  type Sharpen,
  sharpen,
  type Sides,
  sides,
} from "./values.ts";

const FORMATS = {
  auto: "auto",
  avif: "avif",
  bjpg: "bjpg",
  gif: "gif",
  jpeg: "jpg",
  jpegxl: "jxl",
  jpg: "jpg",
  jxl: "jxl",
  mp4: "mp4",
  pjpg: "pjpg",
  pjxl: "jxl",
  png: "png",
  png8: "png8",
  svg: "svg",
  webp: "webp",
  webpll: "webpll",
  webply: "webp",
} as const;

const FILTERS = {
  nearest: "nearest",
  bilinear: "linear",
  linear: "linear",
  bicubic: "cubic",
  cubic: "cubic",
  lanczos2: "lanczos2",
  lanczos3: "lanczos3",
  lanczos: "lanczos3",
} as const;

/** Orientations by EXIF's numbers, and by letters: right, left, horizontal, vertical, both. */
const ORIENTATIONS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(Array.from({ length: 8 }, (_, at) => [String(at + 1), at + 1])),
  ...{ r: 6, l: 8, h: 2, v: 4, hv: 3, vh: 3 },
};

/** Parameters of a transformation, by Fastly's names. */
export interface Parameters {
  readonly auto?: "avif" | "webp";
  readonly "bg-color"?: Colour;
  readonly blur?: Length;
  /** From -100 to 100, as are contrast and saturation. */
  readonly brightness?: number;
  readonly canvas?: PlacedArea;
  readonly contrast?: number;
  readonly crop?: Crop;
  readonly disable?: "upscale";
  readonly dpr?: number;
  readonly enable?: "upscale";
  readonly fit?: "bounds" | "cover" | "crop";
  readonly format?: typeof FORMATS[keyof typeof FORMATS];
  readonly frame?: number;
  readonly height?: Length;
  readonly optimize?: "low" | "medium" | "high";
  /** Orientation as a number of EXIF; 1 changes nothing. */
  readonly orient?: number;
  readonly pad?: Sides;
  readonly precrop?: Crop;
  /** From 0 to 100. */
  readonly quality?: number;
  readonly "resize-filter"?: typeof FILTERS[keyof typeof FILTERS];
  readonly saturation?: number;
  readonly sharpen?: Sharpen;
  readonly trim?: Sides;
  readonly width?: Length;
}

const PARSERS: { readonly [N in keyof Parameters]-?: Parse<NonNullable<Parameters[N]>> } = {
  auto: oneOf({ avif: "avif", webp: "webp" }),
  "bg-color": colour,
  blur,
  brightness: number(-100, 100),
  canvas: placed,
  contrast: number(-100, 100),
  crop,
  disable: oneOf({ upscale: "upscale" }),
  dpr: number(0.01, 10),
  enable: oneOf({ upscale: "upscale" }),
  fit: oneOf({ bounds: "bounds", cover: "cover", crop: "crop" }),
  format: oneOf(FORMATS),
  frame: number(1, 1),
  height: extent,
  optimize: oneOf({ low: "low", medium: "medium", high: "high" }),
  orient: oneOf(ORIENTATIONS),
  pad: sides,
  precrop: crop,
  quality: number(0, 100),
  "resize-filter": oneOf(FILTERS),
  saturation: number(-100, 100),
  sharpen,
  trim: sides,
  width: extent,
};

/** Parameters of Fastly's that are ignored here, with a warning. */
const NOT_DONE: readonly string[] = ["bw", "metadata", "trim-color", "level", "profile", "viewbox"];

/** Parsed request for an image. */
export interface RequestedImage {
  readonly parameters: Parameters;
  /** Messages about malformed and repeated parameters. A malformed one is ignored; of repeated ones the first counts. */
  readonly faults: readonly string[];
  /** Messages about parameters that are not supported here. */
  readonly warnings: readonly string[];
  /** Whether faults are reported in a field of the response, and not as an error. */
  readonly lenient: boolean;
  /** URL of the source image, in the spelling of the request. */
  readonly origin: string;
}

/**
 * Reads the parameters in the guest's options and in the URL of its request. Those in the options take precedence.
 *
 * @param url URL of the request.
 * @param options Options of the guest, as a query.
 */
export function readParameters(url: string, options: string): RequestedImage {
  const faults: string[] = [];
  const given = new Map<string, string>();
  const flags = new URLSearchParams(options);
  for (const query of [flags, new URLSearchParams(splitUrl(url).query)]) {
    const seen = new Set<string>();
    for (const [name, value] of query) {
      if (!isParameter(name)) continue;
      if (seen.has(name)) faults.push(`Duplicate parameter "${name}"`);
      else if (!given.has(name)) given.set(name, value);
      seen.add(name);
    }
  }
  const parameters: Record<string, unknown> = {};
  const warnings: string[] = [];
  for (const [name, value] of given) {
    const parsed = parse(name, value);
    if (parsed !== undefined) parameters[name] = parsed;
    else if (NOT_DONE.includes(name)) warnings.push(`Parameter "${name}" is not supported here`);
    else faults.push(`Invalid value for parameter "${name}"`);
  }
  return {
    parameters,
    faults,
    warnings,
    lenient: flags.get("allow_malformed_query_params") === "true",
    origin: originOf(url, flags.get("preserve_query_string_on_origin_request") === "true"),
  };
}

function isParameter(name: string): boolean {
  return Object.hasOwn(PARSERS, name) || NOT_DONE.includes(name);
}

function parse(name: string, value: string): unknown {
  if (!Object.hasOwn(PARSERS, name)) return undefined;
  return PARSERS[name as keyof Parameters](value.trim().toLowerCase());
}

/** Returns the URL for the origin: without the query, or with `preserve` without the parameters of the Image Optimizer. */
function originOf(url: string, preserve: boolean): string {
  const bare = url.replace(/[?#].*$/s, "");
  if (!preserve) return bare;
  const kept = splitUrl(url).query.slice(1).split("&").filter((pair) => {
    const [name] = new URLSearchParams(pair).keys();
    return name !== undefined && !isParameter(name);
  });
  return kept.length ? `${bare}?${kept.join("&")}` : bare;
}
