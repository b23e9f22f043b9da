import type { Region, Size } from "./geometry.ts";

/**
 * Part of the image codec (sharp) that is used. It is a native library for each platform, and loaded with the first
 * image.
 */
export interface Codec {
  (input: Uint8Array, options?: InputOptions): Sharp;
}

/**
 * The package that it is in. Types are declared here, and not imported from there, so that installing fastlike does not
 * download it.
 */
export const CODEC = "npm:sharp@0.35.5";

/** Pixels: width and height, and how many bytes each has. */
interface Raw extends Size {
  readonly channels: 1 | 2 | 3 | 4;
  /** Height of one frame, where frames follow each other. */
  readonly pageHeight?: number | undefined;
}

interface InputOptions {
  readonly limitInputPixels?: number | false;
  readonly failOn?: "truncated";
  readonly autoOrient?: boolean;
  readonly animated?: boolean;
  readonly raw?: Raw;
}

/** Facts in the head of an image. */
export interface Metadata {
  readonly format: string;
  readonly hasAlpha: boolean;
  readonly isProgressive: boolean;
  /** Number of frames; none if the format has no frames. */
  readonly pages?: number | undefined;
  /** Times that an animation repeats; 0 for ever. */
  readonly loop?: number | undefined;
  /** Milliseconds that each frame is shown. */
  readonly delay?: number[] | undefined;
  /** Size in the upright orientation. */
  readonly autoOrient: Size;
}

interface Colour {
  readonly r: number;
  readonly g: number;
  readonly b: number;
  readonly alpha: number;
}

/** Motion of a written animation. */
interface Motion {
  readonly loop?: number;
  readonly delay?: number[];
}

type Kernel = "nearest" | "linear" | "cubic" | "mitchell" | "lanczos2" | "lanczos3";

/** An image and the operations that its output passes through. */
export interface Sharp {
  metadata(): Promise<Metadata>;
  toBuffer(): Promise<Uint8Array>;
  toBuffer(options: { readonly resolveWithObject: true }): Promise<{
    readonly data: Uint8Array;
    readonly info: Raw;
  }>;
  toColourspace(space: "srgb"): Sharp;
  ensureAlpha(): Sharp;
  raw(): Sharp;
  extract(region: Region): Sharp;
  resize(
    options: Size & {
      readonly fit: "fill";
      readonly kernel: Kernel;
      readonly fastShrinkOnLoad: boolean;
    },
  ): Sharp;
  flip(): Sharp;
  flop(): Sharp;
  rotate(angle: number): Sharp;
  extend(
    sides: {
      readonly left: number;
      readonly top: number;
      readonly right: number;
      readonly bottom: number;
      readonly background: Colour;
    },
  ): Sharp;
  linear(slope: number, offset: number): Sharp;
  modulate(options: { readonly saturation: number }): Sharp;
  sharpen(
    options: {
      readonly sigma: number;
      readonly m1: number;
      readonly m2: number;
      readonly x1: number;
      readonly y2: number;
      readonly y3: number;
    },
  ): Sharp;
  blur(sigma: number): Sharp;
  flatten(options: { readonly background: Colour }): Sharp;
  composite(
    layers: {
      readonly input: {
        readonly create: {
          readonly width: number;
          readonly height: number;
          readonly channels: 4;
          readonly background: Colour;
        };
      };
      readonly tile: boolean;
      readonly blend: "dest-over";
    }[],
  ): Sharp;
  jpeg(options: { readonly quality: number; readonly progressive: boolean }): Sharp;
  png(options: { readonly palette: boolean }): Sharp;
  gif(options: Motion): Sharp;
  webp(options: Motion & { readonly quality: number; readonly lossless: boolean }): Sharp;
  avif(options: { readonly quality: number; readonly effort: number }): Sharp;
}
