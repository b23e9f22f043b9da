/** A request that is refused before any guest sees it: the client gets the status and the reason, and a close. */
export class Rejection extends Error {
  /** The status of the response, 400 to 505. */
  readonly status: number;

  /**
   * @param status The status of the response.
   * @param message The reason, as a sentence for the client.
   */
  constructor(status: number, message: string) {
    super(message);
    this.name = "Rejection";
    this.status = status;
  }
}

/** Refuses a message that breaks a rule of RFC 9112, or that two recipients might read in two ways. */
export function badRequest(message: string): never {
  throw new Rejection(400, message);
}
