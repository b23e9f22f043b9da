import type { Additions } from "./additions.ts";
import { Reader, Writer } from "./binary.ts";
import { Op } from "./instructions.ts";
import { checkOf, type WatchPlan } from "./watch_code.ts";
import { I32 } from "./writes.ts";

const NONE = 0x40;
/** Maximum number of bytes that one instruction writes: it takes some milliseconds, or 20 if no page was touched before. */
export const PIECE = 16 * 2 ** 20;

// Parameters of the added functions: those of the instructions.
const TO = 0;
const FROM = 1;
const COUNT = 2;

/** Whether an instruction writes a number of bytes that it takes from the stack. */
export function writesBytes(op: number): boolean {
  return op === Op.memoryFill || op === Op.memoryCopy || op === Op.memoryInit;
}

/**
 * Functions that fill, copy or initialise memory in pieces, with a check of the watchdog before each piece: an
 * instruction cannot be interrupted, and V8 takes up to seconds for a gigabyte (bench/bulk.ts). Each function is added when
 * the code first needs it.
 */
export class BulkPieces {
  readonly #added: Additions;
  readonly #check: Uint8Array;
  readonly #byInstruction = new Map<string, number>();
  readonly #pieces: (readonly number[])[] = [];

  constructor(added: Additions, watch: WatchPlan) {
    this.#added = added;
    this.#check = checkOf(watch).code;
  }

  /** Returns the index of the function that replaces an instruction, given by its bytes. */
  functionFor(op: number, instruction: Uint8Array): number {
    const key = instruction.join();
    const known = this.#byInstruction.get(key);
    if (known !== undefined) return known;
    const bytes = instruction.slice();
    const parameters = [[I32], [I32], [I32]];
    const index = this.#added.function(parameters, [], (w) => this.#write(w, op, bytes));
    this.#byInstruction.set(key, index);
    this.#pieces.push([op, ...bytes]);
    return index;
  }

  /** Opcode and bytes of each instruction that has a function, in the order in which they were added. */
  get pieces(): readonly (readonly number[])[] {
    return this.#pieces;
  }

  #write(w: Writer, op: number, instruction: Uint8Array): void {
    const whole = new Writer().byte(...get(TO, FROM, COUNT)).raw(instruction).view();
    const returnWhole = new Writer().raw(whole).byte(Op.return, Op.end).view();
    w.byte(0).byte(...get(COUNT)).raw(I32_PIECE).byte(Op.i32LessEqualU, Op.if, NONE).raw(
      returnWhole,
    );
    // A range that ends beyond 2^32 makes the whole instruction trap, which writes nothing.
    w.byte(...last(TO), ...get(TO), Op.i32LessU);
    if (op !== Op.memoryFill) w.byte(...last(FROM), ...get(FROM), Op.i32LessU, Op.i32Or);
    w.byte(Op.if, NONE).raw(returnWhole);
    if (op === Op.memoryCopy) this.#copyForward(w, instruction, returnWhole);
    this.#fromTheEnd(w, op, instruction, returnWhole);
    w.byte(Op.end);
  }

  /** The last piece comes first: where it traps, nothing has been written, as is right. */
  #fromTheEnd(w: Writer, op: number, instruction: Uint8Array, returnWhole: Uint8Array): void {
    this.#eachPiece(w, returnWhole);
    w.byte(...get(COUNT)).raw(I32_PIECE).byte(Op.i32Sub, Op.localSet, COUNT);
    w.byte(...get(TO, COUNT), Op.i32Add);
    if (op === Op.memoryFill) w.byte(...get(FROM));
    else w.byte(...get(FROM, COUNT), Op.i32Add);
    w.raw(I32_PIECE).raw(instruction).byte(Op.branch, 0, Op.end);
  }

  /**
   * Copies to a lower address of the same memory, where ranges may overlap: piece by piece from the first, after a
   * check of the end.
   */
  #copyForward(w: Writer, instruction: Uint8Array, returnWhole: Uint8Array): void {
    const r = new Reader(instruction, 2);
    const [to, from] = [r.unsigned(), r.unsigned()];
    if (to !== from) return;
    w.byte(...get(TO, FROM), Op.i32LessEqualU, Op.if, NONE);
    w.byte(...last(FROM), Op.i32Load8U, 0x40).unsigned(from).byte(0, Op.drop);
    this.#eachPiece(w, returnWhole);
    w.byte(...get(TO, FROM)).raw(I32_PIECE).raw(instruction);
    for (const address of [TO, FROM]) {
      w.byte(...get(address)).raw(I32_PIECE).byte(Op.i32Add, Op.localSet, address);
    }
    w.byte(...get(COUNT)).raw(I32_PIECE).byte(Op.i32Sub, Op.localSet, COUNT);
    w.byte(Op.branch, 0, Op.end, Op.end);
  }

  /** Begins a loop that checks, and that ends with the last piece. */
  #eachPiece(w: Writer, returnWhole: Uint8Array): void {
    w.byte(Op.loop, NONE).raw(this.#check);
    w.byte(...get(COUNT)).raw(I32_PIECE).byte(Op.i32LessEqualU, Op.if, NONE).raw(returnWhole);
  }
}

const I32_PIECE = new Writer().byte(Op.i32Const).signed(PIECE).view();

function get(...locals: readonly number[]): number[] {
  return locals.flatMap((local) => [Op.localGet, local]);
}

/** The address of the last byte from an address on. */
function last(address: number): number[] {
  return [...get(address, COUNT), Op.i32Add, Op.i32Const, 1, Op.i32Sub];
}
