import type { Parameters } from "./parameters.ts";

/** What the codec can write. */
export type Format = "jpeg" | "png" | "gif" | "webp" | "avif";

/** What is known of a source before it is decoded. */
interface SourceFacts {
  /** By the codec's name; `heif` is AVIF. */
  readonly format: string;
  readonly hasAlpha: boolean;
  /** A JPEG that comes in ever better passes. */
  readonly isProgressive: boolean;
}

/** How an image is written. */
export interface Encoding {
  readonly format: Format;
  /** From 1 to 100. */
  readonly quality: number;
  readonly progressive: boolean;
  /** With 256 colours at the most. */
  readonly palette: boolean;
  readonly lossless: boolean;
}

/** Fastly's default for JPEG and WebP; AVIF looks the same at less. */
const QUALITY = { default: 85, low: 85, medium: 75, high: 60 } as const;
const AVIF_QUALITY = { default: 60, low: 60, medium: 50, high: 40 } as const;

/** Formats that can be asked for, as they are written; others there are no encoders for. */
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
 * Chooses how an image is written. What cannot be written stays in its source's format.
 *
 * @param accept The request's field `accept`.
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

/** Whether the response depends on the field `accept`. */
export function negotiates({ auto, format }: Parameters): boolean {
  return auto !== undefined || format === "auto";
}

/** Whether the codec cannot write what is asked for. */
export function isUnwritable({ format = "auto" }: Parameters): boolean {
  return format !== "auto" && !Object.hasOwn(WRITTEN, format);
}

/** The best format that the client names; `*` names none, for every client sends that. */
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
