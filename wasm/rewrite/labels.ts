import { type Reader, Writer } from "./binary.ts";
import { blockType, Op } from "./instructions.ts";

/** Number of blocks that the host puts around a guest's loop. */
const AROUND_LOOP = 3;

/** Tells whether an instruction has labels as immediates. */
export function isBranch(op: number): boolean {
  switch (op) {
    case Op.branch:
    case Op.branchIf:
    case Op.branchTable:
    case Op.rethrow:
    case Op.delegate:
    case Op.tryTable:
    case Op.branchOnNull:
    case Op.branchOnNonNull:
    case Op.branchOnCast:
    case Op.branchOnCastFail:
      return true;
    default:
      return false;
  }
}

/** Tells whether the loop at `start` takes nothing off the stack, so that it can be left at its head and entered again. */
export function isPlainLoop({ bytes }: Reader, start: number): boolean {
  const type = bytes[start + 1]!;
  return type >= 0x40 && type < 0x80; // no index of a function type
}

/**
 * Open blocks of a function body. A branch names its target by the number of blocks that it leaves, which grows where the
 * host adds blocks around the guest's loops.
 */
export class Labels {
  /** Number of the host's blocks around the label of each open block of the guest. The body itself is the first. */
  readonly #around: number[] = [0];
  /** Offset of each open block, if it is a loop that the host has put blocks around; else -1. */
  readonly #loops: number[] = [-1];
  /** Index of the innermost open block. */
  #depth = 0;
  readonly #edit = new Writer();

  /** Begins a function body. */
  reset(): void {
    this.#depth = 0;
  }

  /** Number of open blocks of the guest. */
  get depth(): number {
    return this.#depth;
  }

  /** Whether a branch from the current block may have to be changed. */
  get shifts(): boolean {
    return this.#around[this.#depth]! > 0;
  }

  open(): void {
    this.#push(0, -1);
  }

  /** Opens a loop around which the host puts blocks; `start` is its offset. */
  openLoop(start: number): void {
    this.#push(AROUND_LOOP, start);
  }

  #push(added: number, loop: number): void {
    const around = this.#around[this.#depth]! + added;
    const depth = ++this.#depth;
    this.#around[depth] = around;
    this.#loops[depth] = loop;
  }

  /** Ends a block. Returns the offset of its loop if the host's blocks around it have to end as well, else -1. */
  end(): number {
    return this.#loops[this.#depth--]!;
  }

  /** Returns the number of the host's blocks that a branch to the label at `depth` leaves. */
  addedTo(depth: number): number {
    return this.#around[this.#depth]! - (this.#around[this.#depth - depth] ?? 0);
  }

  /**
   * Rewrites the branch between `start` and the reader.
   *
   * @returns The new instruction, valid until the next call; undefined if the branch stays unchanged.
   */
  editOf(op: number, r: Reader, start: number): Uint8Array | undefined {
    const after = r.at;
    const w = this.#edit.reset();
    // `delegate` counts from outside the block that it ends.
    const innermost = this.#depth - (op === Op.delegate ? 1 : 0);
    let changed = false;
    r.at = start;
    const copy = (read: () => void) => {
      const from = r.at;
      read();
      w.raw(r.bytes.subarray(from, r.at));
    };
    const label = () => {
      const depth = r.unsigned();
      const added = this.#around[innermost]! - (this.#around[innermost - depth] ?? 0);
      changed ||= added > 0;
      w.unsigned(depth + added);
    };
    copy(() => r.byte());
    switch (op) {
      case Op.branchTable: {
        const count = r.unsigned();
        w.unsigned(count);
        for (let i = 0; i <= count; i++) label();
        break;
      }
      case Op.tryTable: {
        copy(() => blockType(r));
        const count = r.unsigned();
        w.unsigned(count);
        for (let i = 0; i < count; i++) {
          const kind = r.byte();
          w.byte(kind);
          if (kind < 2) copy(() => r.skipNumber()); // a tag
          label();
        }
        break;
      }
      case Op.branchOnCast:
      case Op.branchOnCastFail:
        copy(() => {
          r.skipNumber();
          r.byte();
        });
        label();
        break;
      default:
        label();
    }
    w.raw(r.bytes.subarray(r.at, after));
    r.at = after;
    return changed ? w.view() : undefined;
  }
}
