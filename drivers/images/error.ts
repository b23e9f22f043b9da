/** Why there is no image to answer with, for whoever asked for it. */
export class ImageError extends Error {
  override name = "ImageError";
  /** The status of the response. */
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}
