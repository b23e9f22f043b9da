import { type Reader, Writer } from "./binary.ts";
import { blockType, Op } from "./instructions.ts";

/** Blocks that the host puts around a guest's loop. */
const AROUND_LOOP = 3;

/** Whether an instruction names labels. */
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

/** Whether the loop that begins there takes nothing off the stack, so that it can be left at its head and begun again. */
export function isPlainLoop({ bytes }: Reader, start: number): boolean {
  const type = bytes[start + 1]!;
  return type >= 0x40 && type < 0x80; // no index of a function type
}

/**
 * The open blocks of a function body. Branches count the blocks that they leave: where the host adds blocks around the
 * guest's loops, a branch out of one has to count those, too.
 */
export class Labels {
  /** Of each open block of the guest, how many blocks of the host are around its label; the body is the first. */
  readonly #around: number[] = [0];
  /** Of each of them where its loop begins, if the host has put blocks around it, else -1. */
  readonly #loops: number[] = [-1];
  /** The innermost of them. */
  #depth = 0;
  readonly #edit = new Writer();

  /** Begins a function body. */
  reset(): void {
    this.#depth = 0;
  }

  /** Whether branches from here may have to be changed. */
  get shifts(): boolean {
    return this.#around[this.#depth]! > 0;
  }

  open(): void {
    this.#push(0, -1);
  }

  /** As {@linkcode Labels.open}, of a loop around which the host puts blocks. */
  openLoop(start: number): void {
    this.#push(AROUND_LOOP, start);
  }

  #push(added: number, loop: number): void {
    const around = this.#around[this.#depth]! + added;
    const depth = ++this.#depth;
    this.#around[depth] = around;
    this.#loops[depth] = loop;
  }

  /** Ends a block; answers where its loop began if the host's blocks around it have to end, too, else -1. */
  end(): number {
    return this.#loops[this.#depth--]!;
  }

  /** How many blocks of the host a branch leaves that names the label of this depth. */
  addedTo(depth: number): number {
    return this.#around[this.#depth]! - (this.#around[this.#depth - depth] ?? 0);
  }

  /** The branch that begins at `start` and ends at the reader, as it has to be here, valid until the next one; undefined if it may stay. */
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
