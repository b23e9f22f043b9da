import type { MemoryLimits } from "./budget.ts";
import type { Names } from "./names.ts";
import { Offsets } from "./offsets.ts";
import type { Resetting, Rewritten } from "./rewrite.ts";

/** Result of rewriting: the module, or why it cannot be rewritten, in words that complete "because". */
export type Outcome = Rewritten | string;

/** Parts of a packed outcome before the edits of offsets and the module. */
interface Head {
  readonly why?: string;
  readonly memories?: readonly MemoryLimits[];
  readonly names?: Names;
  readonly tags?: readonly (readonly [string, string])[];
  readonly resetting?: Resetting;
  readonly plan?: string;
  readonly pieces?: readonly (readonly number[])[];
  /** Numbers in the map of offsets, and the offset at which the original's code ends. */
  readonly edits?: number;
  readonly end?: number;
}

/** Bytes before the head: its length, as a 32-bit number. */
const LENGTH = 4;

/** Packs an outcome into bytes, in the byte order of this machine. */
export function packed(outcome: Outcome): Uint8Array<ArrayBuffer>[] {
  if (typeof outcome === "string") return [headOf({ why: outcome })];
  const { bytes, memories, names, tags, resetting, offsets, plan, pieces } = outcome;
  const { edits, end } = offsets;
  const head = headOf({
    memories,
    names,
    tags: [...tags],
    ...resetting && { resetting },
    plan,
    pieces,
    edits: edits.length,
    end,
  });
  return [head, new Uint8Array(edits.buffer, edits.byteOffset, edits.byteLength), bytes];
}

/** Writes the head, filled up so that numbers can follow it. */
function headOf(head: Head): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify(head));
  const bytes = new Uint8Array(aligned(LENGTH + text.length));
  new Uint32Array(bytes.buffer, 0, 1)[0] = text.length;
  bytes.set(text, LENGTH);
  return bytes;
}

function aligned(length: number): number {
  return Math.ceil(length / 4) * 4;
}

/**
 * Unpacks an outcome.
 *
 * @param bytes Bytes of {@linkcode packed}, at an offset in their buffer that is a multiple of 4.
 */
export function unpacked(bytes: Uint8Array<ArrayBuffer>): Outcome {
  const { buffer, byteOffset } = bytes;
  const [length = 0] = new Uint32Array(buffer, byteOffset, 1);
  const text = new TextDecoder().decode(bytes.subarray(LENGTH, LENGTH + length));
  const head = JSON.parse(text) as Head;
  if (head.why !== undefined) return head.why;
  const { memories = [], names, tags = [], resetting, edits = 0, end = 0 } = head;
  const { plan = "", pieces = [] } = head;
  const from = aligned(LENGTH + length);
  const numbers = new Uint32Array(buffer, byteOffset + from, edits).slice(); // the rest of the buffer is let go
  return {
    bytes: bytes.subarray(from + edits * 4),
    memories,
    names: names!,
    tags: new Map(tags),
    resetting,
    offsets: Offsets.of(numbers, end),
    plan,
    pieces,
  };
}
