/** Keeps code that was made of programs, so that a later process need not make it again: `ServiceOptions.codeCache`. */
export interface CodeCache {
  /**
   * Returns the bytes that are kept under a key; undefined if there are none, or if they are damaged. Never rejects.
   *
   * @param key A word of hexadecimal digits.
   */
  get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Keeps bytes under a key, at some later time; a failure is the cache's own matter. */
  put(key: string, bytes: readonly Uint8Array<ArrayBuffer>[]): void;
}
