/** A message that its recipient rejects: a server's client gets the status and the reason, and the connection closes. */
export class Rejection extends Error {
  /** Status of a server's response, 400 to 505; 431 if the head is too large. */
  readonly status: number;

  /**
   * @param status Status of a server's response.
   * @param message Reason, as a sentence for the client.
   */
  constructor(status: number, message: string) {
    super(message);
    this.name = "Rejection";
    this.status = status;
  }
}

/** Rejects a message that breaks a rule of RFC 9112, or that two recipients may parse differently. */
export function badMessage(message: string): never {
  throw new Rejection(400, message);
}
