import type { Eventually } from "../http/bytes.ts";

/** Options of one image. */
export interface ImageOptions {
  /** Parameters of Fastly's Image Optimizer as a query without `?`: `width=100&format=webp`. */
  readonly query: string;
  /** Name of the backend that has the image. */
  readonly backend: string;
  /**
   * Sends the guest's request to that backend, without its body and without fields for ranges and content codings.
   *
   * @param url URL, with host, to send in place of the request's own.
   * @returns The backend's response; rejects if there is none.
   */
  readonly fetchImage: (url?: string) => Promise<Response>;
}

/**
 * Transforms images in place of Fastly's Image Optimizer (https://www.fastly.com/documentation/reference/io/). `request`
 * is the guest's request for the image; its signal aborts when the response is not wanted any more. If the function throws,
 * the guest gets the error, which is also logged.
 */
export type ImageOptimizer = (
  request: Request,
  options: ImageOptions,
) => Eventually<Response>;
