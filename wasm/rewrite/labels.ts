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
  #around: number[] = [0];
  /** Of each of them where its loop begins, if the host has put blocks around it. */
  #loops: (number | undefined)[] = [undefined];
  readonly #edit = new Writer();

  /** Begins a function body. */
  reset(): void {
    this.#around = [0];
    this.#loops = [undefined];
  }

  /** Whether branches from here may have to be changed. */
  get shifts(): boolean {
    return this.#around.at(-1)! > 0;
  }

  open(): void {
    this.#around.push(this.#around.at(-1)!);
    this.#loops.push(undefined);
  }

  /** As {@linkcode Labels.open}, of a loop around which the host puts blocks. */
  openLoop(start: number): void {
    this.#around.push(this.#around.at(-1)! + AROUND_LOOP);
    this.#loops.push(start);
  }

  /** Ends a block; answers where its loop began if the host's blocks around it have to end, too. */
  end(): number | undefined {
    this.#around.pop();
    return this.#loops.pop();
  }

  /** Notes what an instruction other than `loop` and `end` does to the open blocks. */
  pass(op: number): void {
    if (op === Op.delegate) this.end();
    else if (op === Op.block || op === Op.if || op === Op.try || op === Op.tryTable) this.open();
  }

  /** The branch that begins at `start` and ends at the reader, as it has to be here, valid until the next one; undefined if it may stay. */
  editOf(op: number, r: Reader, start: number): Uint8Array | undefined {
    const after = r.at;
    const w = this.#edit.reset();
    // `delegate` counts from outside the block that it ends.
    const innermost = this.#around.length - (op === Op.delegate ? 2 : 1);
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
