import type { Parameters } from "./parameters.ts";

/** Formats that the codec can write. */
export type Format = "jpeg" | "png" | "gif" | "webp" | "avif";

/** Facts about a source image from its head. */
interface SourceFacts {
  /** Name of the format in the codec; `heif` is AVIF. */
  readonly format: string;
  readonly hasAlpha: boolean;
  /** Whether it is a progressive JPEG. */
  readonly isProgressive: boolean;
}

/** Encoding of the result. */
export interface Encoding {
  readonly format: Format;
  /** From 1 to 100. */
  readonly quality: number;
  readonly progressive: boolean;
  /** Whether the result has a palette, of at most 256 colours. */
  readonly palette: boolean;
  readonly lossless: boolean;
}

/** Quality by the parameter `optimize`; 85 is Fastly's default for JPEG and WebP. AVIF needs less for the same look. */
const QUALITY = { default: 85, low: 85, medium: 75, high: 60 } as const;
const AVIF_QUALITY = { default: 60, low: 60, medium: 50, high: 40 } as const;

/** Formats by the values of the parameter `format`. For other values there is no encoder. */
const WRITTEN: Readonly<Record<string, Format>> = {
  avif: "avif",
  bjpg: "jpeg",
  gif: "gif",
  jpg: "jpeg",
  pjpg: "jpeg",
  png: "png",
  png8: "png",
  webp: "webp",
  webpll: "webp",
};

/**
 * Chooses the encoding of the result. A format that cannot be written is replaced by the source's.
 *
 * @param accept Field `Accept` of the request.
 */
export function encodingOf(
  parameters: Parameters,
  accept: string,
  source: SourceFacts,
): Encoding {
  const { format: name, optimize = "default" } = parameters;
  const negotiated = negotiate(parameters, accept);
  const format = negotiated ?? WRITTEN[name ?? ""] ?? likeSource(source);
  const quality = parameters.quality ?? (format === "avif" ? AVIF_QUALITY : QUALITY)[optimize];
  return {
    format,
    quality: Math.max(1, Math.round(quality)),
    progressive: name === "pjpg" || (name !== "bjpg" && source.isProgressive),
    palette: !negotiated && name === "png8",
    lossless: !negotiated && name === "webpll",
  };
}

/** Tells whether the response depends on the field `Accept`. */
export function negotiates({ auto, format }: Parameters): boolean {
  return auto !== undefined || format === "auto";
}

/** Tells whether the requested format cannot be written. */
export function isUnwritable({ format = "auto" }: Parameters): boolean {
  return format !== "auto" && !Object.hasOwn(WRITTEN, format);
}

/** Returns the best format that the client names. Wildcards are ignored, since every client sends them. */
function negotiate(parameters: Parameters, accept: string): Format | undefined {
  if (!negotiates(parameters)) return undefined;
  const withAvif = parameters.auto !== "webp" || parameters.format === "auto";
  if (withAvif && accepts(accept, "image/avif")) return "avif";
  return accepts(accept, "image/webp") ? "webp" : undefined;
}

function accepts(accept: string, type: string): boolean {
  return accept.toLowerCase().split(",").some((range) => {
    const [name, ...weights] = range.split(";").map((part) => part.trim());
    return name === type && !weights.some((weight) => /^q=0(\.0*)?$/.test(weight));
  });
}

function likeSource({ format, hasAlpha }: SourceFacts): Format {
  if (format === "heif") return "avif";
  if (Object.values(WRITTEN).includes(format as Format)) return format as Format;
  return hasAlpha ? "png" : "jpeg";
}
