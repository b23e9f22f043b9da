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

/** As EXIF numbers them, and in letters: to the right, to the left, mirrored along one side or both. */
const ORIENTATIONS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(Array.from({ length: 8 }, (_, at) => [String(at + 1), at + 1])),
  ...{ r: 6, l: 8, h: 2, v: 4, hv: 3, vh: 3 },
};

/** What may become of an image, by the names that Fastly gives the parameters. */
export interface Parameters {
  readonly auto?: "avif" | "webp";
  readonly "bg-color"?: Colour;
  readonly blur?: Length;
  /** From -100 to 100, as contrast and saturation. */
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
  /** As EXIF numbers orientations: 1 is as it is. */
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

/** Parameters that Fastly knows and that change nothing here. */
const NOT_DONE: readonly string[] = ["bw", "metadata", "trim-color", "level", "profile", "viewbox"];

/** What is asked for, and how it is asked for. */
export interface RequestedImage {
  readonly parameters: Parameters;
  /** What is malformed or said twice, one line each. The parameter is left out, or is what was said first. */
  readonly faults: readonly string[];
  /** What is well said, but not done here, one line each. */
  readonly warnings: readonly string[];
  /** Whether faults are told in the response, and no error. */
  readonly lenient: boolean;
  /** The URL to ask the origin for, in the spelling of the request's. */
  readonly origin: string;
}

/**
 * Reads the parameters of the guest's options and of its request's URL; the former win, name by name.
 *
 * @param url The request's URL.
 * @param options The guest's options, as a query.
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

/** Origins get no query, or what of it is not for the Image Optimizer. */
function originOf(url: string, preserve: boolean): string {
  const bare = url.replace(/[?#].*$/s, "");
  if (!preserve) return bare;
  const kept = splitUrl(url).query.slice(1).split("&").filter((pair) => {
    const [name] = new URLSearchParams(pair).keys();
    return name !== undefined && !isParameter(name);
  });
  return kept.length ? `${bare}?${kept.join("&")}` : bare;
}
