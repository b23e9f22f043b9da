/** A request that the server rejects itself: the client gets the status and the reason, and the connection closes. */
export class Rejection extends Error {
  /** Status of the response, 400 to 505. */
  readonly status: number;

  /**
   * @param status Status of the response.
   * @param message Reason, as a sentence for the client.
   */
  constructor(status: number, message: string) {
    super(message);
    this.name = "Rejection";
    this.status = status;
  }
}

/** Rejects a message that breaks a rule of RFC 9112, or that two recipients may parse differently. */
export function badRequest(message: string): never {
  throw new Rejection(400, message);
}
