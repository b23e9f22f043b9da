/**
 * The codec, which is a native library for each platform. Loaded with the first image, so nothing that is loaded
 * earlier may import it but for its types.
 *
 * @module
 */
export { default as sharp } from "npm:sharp@0.35.5";
export type { Metadata, Sharp } from "npm:sharp@0.35.5";
