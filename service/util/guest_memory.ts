/** A guest's linear memory, as the host reads and writes it. */
export interface GuestMemory {
  /** Current buffer, which is replaced when the memory grows. May be longer than {@linkcode GuestMemory.size}. */
  readonly buffer: ArrayBuffer;
  /** Number of bytes that the guest can address. */
  readonly size: number;
  /** Notes that the host writes `length` bytes at `ptr`, so that the pages are reset after the run. */
  mark(ptr: number, length: number): void;
}
