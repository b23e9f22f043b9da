/** Error that becomes the response to the client in place of an image. */
export class ImageError extends Error {
  override name = "ImageError";
  /** Status of the response. */
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}
