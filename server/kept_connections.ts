/**
 * Connections of HTTP/1 that stay open after a response. Counts those of a period, and releases some where other processes
 * accept from the same socket: the next responses close their connections, and the clients open new ones, which go to
 * the process that accepts first. HTTP/2 has no such moment, since its requests overlap.
 */
export class KeptConnections {
  #period = 1;
  #count = 0;
  #toRelease = 0;

  /** Number of connections that have stayed open after a response in the current period. */
  get count(): number {
    return this.#count;
  }

  /**
   * Whether a connection that could stay open after the response that begins now does so; otherwise it is released.
   *
   * @param connection Connection; the number of the period is noted there, 0 before the first.
   */
  keep(connection: { keptIn: number }): boolean {
    if (this.#toRelease > 0) {
      this.#toRelease--;
      return false;
    }
    if (connection.keptIn !== this.#period) {
      connection.keptIn = this.#period;
      this.#count++;
    }
    return true;
  }

  /**
   * Begins a period. Connections that are still to be released stay.
   *
   * @returns The count of the period that ends.
   */
  next(): number {
    const count = this.#count;
    this.#period++;
    this.#count = this.#toRelease = 0;
    return count;
  }

  /**
   * Begins a period, in which the next responses close their connections.
   *
   * @param connections Number of connections to release.
   */
  release(connections: number): void {
    this.next();
    this.#toRelease = connections;
  }
}
