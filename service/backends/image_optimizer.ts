import type { Eventually } from "../http/bytes.ts";

/** What is asked for besides the image. */
export interface ImageOptions {
  /** The parameters of Fastly's Image Optimizer as a query without `?`, as in `width=100&format=webp`. */
  readonly query: string;
  /** The name of the backend that has the image. */
  readonly backend: string;
  /**
   * Sends the guest's request to that backend, and gives its response. It goes without its body, and without the
   * fields that ask for a part of the image or for a coding of it. Rejects if there was no response.
   *
   * @param url What to ask for, with host, in place of the request's own URL.
   */
  readonly fetchImage: (url?: string) => Promise<Response>;
}

/**
 * Stands for Fastly's Image Optimizer. `request` is the guest's request for the image; its signal tells that nobody
 * waits for the response any more. A throw is an error that the guest is told, and that is logged.
 */
export type ImageOptimizer = (
  request: Request,
  options: ImageOptions,
) => Eventually<Response>;
