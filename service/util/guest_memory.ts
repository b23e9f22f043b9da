/** A guest's linear memory, as far as the host goes into it. */
export interface GuestMemory {
  /** Its bytes now: another buffer after it has grown. May be longer than {@linkcode GuestMemory.size}. */
  readonly buffer: ArrayBuffer;
  /** Bytes that the guest may reach. */
  readonly size: number;
  /** Notes that the host writes `length` bytes at `ptr`. */
  mark(ptr: number, length: number): void;
}
