import type sharp from "npm:sharp@0.35.5";

export type { Metadata, Sharp } from "npm:sharp@0.35.5";
/** Codec of images: a native library for each platform, which is loaded with the first image. */
export type Codec = typeof sharp;
/** The package that it is in. */
export const CODEC = "npm:sharp@0.35.5";
