import { type Reader, Writer } from "./binary.ts";
import { type BranchHints, Hint } from "./branch_hints.ts";
import { type BulkPieces, writesBytes } from "./bulk.ts";
import type { Growth } from "./growth.ts";
import { instruction, isBulk, Op, skipPlain, valueType } from "./instructions.ts";
import { isBranch, isPlainLoop, Labels } from "./labels.ts";
import { type Counter, type Loop, loopAt } from "./loop.ts";
import type { Offsets } from "./offsets.ts";
import { loadAdded, type ResetPlan } from "./reset_code.ts";
import { StoreMarks } from "./store_marks.ts";
import {
  askAnew,
  type BranchCode,
  checkOf,
  exitOf,
  type WatchPlan,
  writeCountedExit,
} from "./watch_code.ts";
import { OBSTACLES, WRITES } from "./writes.ts";

/** Changes to make in function bodies. */
export interface Plan {
  /** Number of imported functions. */
  readonly imported: number;
  /** Checks by which the host stops code; undefined for none. */
  readonly watch: WatchPlan | undefined;
  /** Code by which instances are reset; undefined if they are not. */
  readonly reset: ResetPlan | undefined;
  /** Bounded growth of memories and tables, for instances that are not reset; undefined if there is no limit. */
  readonly growth: Growth | undefined;
  /** Functions that write large ranges of memory in pieces; undefined if there are no checks or no large memories. */
  readonly bulk: BulkPieces | undefined;
}

const LAST_OF_CONTROL = Op.tryTable;
const FIRST_LATE_BRANCH = Op.branchOnNull;
const NONE = 0x40;
const LAST_OF_ONE_BYTE = Op.memoryGrow;
const BULK_PREFIX = 0xfc;
const FIRST_OF_PREFIXED = BULK_PREFIX << 12;
/** Bytes of code from which a function is checked that calls no other; a shorter one ends soon. */
const SHORT = 1024;

/** Rewriter of function bodies, one after another. */
export class CodeRewriter {
  /** Reason why instances cannot be reset, once an instruction gives one. */
  obstacle: string | undefined;
  readonly #r: Reader;
  readonly #plan: Plan;
  readonly #offsets: Offsets;
  readonly #hints: BranchHints;
  readonly #code = new Writer();
  readonly #head = new Writer();
  readonly #check: BranchCode | undefined;
  readonly #exit: BranchCode | undefined;
  readonly #askAnew: Uint8Array | undefined;
  readonly #labels = new Labels();
  readonly #loadAdded: Uint8Array | undefined;
  /** Code by which stores mark dirty pages; undefined if they do not. */
  readonly #marks: StoreMarks | undefined;
  /** Whether the current body calls a function that is not imported. */
  #calls = false;
  /** Loop that the last instruction has opened; undefined if it is too long to be known. */
  #loop: Loop | undefined;
  /** Counter of the innermost open loop, if it has one. */
  #counter: Counter | undefined;
  /** Number of open blocks from that loop outwards. */
  #counted = 0;

  constructor(reader: Reader, plan: Plan, offsets: Offsets, hints: BranchHints) {
    this.#r = reader;
    this.#plan = plan;
    this.#offsets = offsets;
    this.#hints = hints;
    const { watch, reset } = plan;
    if (watch) {
      this.#check = checkOf(watch);
      this.#exit = exitOf(watch);
      this.#askAnew = askAnew(watch);
    }
    if (reset) this.#loadAdded = loadAdded(reset);
    if (reset?.dirtyPages) this.#marks = new StoreMarks(reader, reset, hints);
  }

  /** Reads the body of the next function, whose index among the module's own is `index`, and writes it after its length. */
  rewrite(out: Writer, index: number): void {
    const r = this.#r;
    const code = this.#code.reset();
    const length = r.unsigned();
    const start = r.at;
    const end = start + length;
    if (end > r.bytes.length) throw new RangeError("A function ends behind the module");
    this.#hints.begin(index);
    const groups = r.unsigned();
    const declarations = r.at;
    this.#calls = false;
    this.#labels.reset();
    let locals = this.#plan.reset?.parameters[index] ?? 0;
    for (let left = groups; left > 0; left--) {
      locals += r.unsigned();
      valueType(r);
    }
    this.#marks?.begin(locals);
    const declared = r.bytes.subarray(declarations, r.at);
    this.#offsets.add(0, 0, r.at, r.at);
    this.#walk(start, end);
    const added = this.#marks?.added ?? [];
    const head = this.#head.reset().unsigned(groups + added.length).raw(declared);
    for (const type of added) head.byte(1, type);
    const begun = head.length;
    this.#marks?.writeStart(head);
    let branch: number | undefined;
    if (this.#check && (this.#calls || length > SHORT)) {
      const { code } = this.#check;
      branch = head.length + this.#check.branch;
      head.raw(code);
    }
    if (head.length > begun) this.#offsets.widen(head.length - begun);
    this.#hints.end(index, head.length, branch);
    out.unsigned(head.length + code.length).raw(head.view());
    this.#offsets.place(out.length);
    out.raw(code.view());
  }

  /** Reads and rewrites the code of a body. `body` and `end` are its bounds; the reader is past the locals. */
  #walk(body: number, end: number): void {
    const r = this.#r;
    const code = this.#code;
    const hints = this.#hints;
    const marks = this.#marks;
    let hinted = body + hints.next;
    let copied = r.at;
    for (;;) {
      const stop = Math.min(end, hinted);
      const start = r.at = marks ? marks.skipPlain(r.at, stop) : skipPlain(r.bytes, r.at, stop);
      if (start >= end) break;
      if (start >= hinted) hinted = body + hints.move(start - body, code.length + start - copied);
      const op = instruction(r);
      if (marks) marks.take(op, start);
      if (isOrdinary(op)) continue;
      if (op === Op.loop) {
        this.#loop = loopAt(r, end);
        marks?.openLoop(this.#loop);
      }
      if (this.#check && (op <= LAST_OF_CONTROL || op >= FIRST_LATE_BRANCH)) {
        copied = this.#control(op, start, copied);
      }
      if (op <= LAST_OF_CONTROL) {
        if (op >= Op.call && op <= Op.lastCall) this.#calls ||= this.#isOwn(op, start);
        continue;
      }
      if (this.#check && isBulk(op)) {
        this.#addCheck(this.#check, copied, start, start);
        copied = start;
      }
      if (this.#check && (op === Op.atomicWait32 || op === Op.atomicWait64)) {
        // The instruction would block the thread and could not be stopped. It traps, as on a thread that may not block.
        code.copy(r.bytes, copied, start).byte(Op.unreachable);
        this.#offsets.add(code.length - 1, code.length, start, r.at);
        copied = r.at;
        continue;
      }
      const { reset, growth, bulk } = this.#plan;
      if (bulk && !marks && writesBytes(op)) {
        code.copy(r.bytes, copied, start);
        const from = code.length;
        this.#callPieces(bulk, op, start);
        this.#offsets.add(from, code.length, start, r.at);
        copied = r.at;
        continue;
      }
      if (growth && (op === Op.memoryGrow || op === Op.tableGrow)) {
        code.copy(r.bytes, copied, start);
        const from = code.length;
        code.put(Op.call).unsigned(growth.functionFor(op, lastIndex(r, start)));
        this.#offsets.add(from, code.length, start, r.at);
        copied = r.at;
        continue;
      }
      if (!reset || (op > LAST_OF_ONE_BYTE && op < FIRST_OF_PREFIXED)) continue;
      const write = marks ? WRITES.get(op) : undefined;
      if (write && marks?.isMarked(write, start)) continue;
      if (!write && op !== Op.memorySize && op !== Op.memoryGrow) {
        this.obstacle ??= OBSTACLES.get(op);
        continue;
      }
      code.copy(r.bytes, copied, start);
      const from = code.length;
      if (write) {
        marks!.write(code, write, start);
        if (bulk && write.range) this.#callPieces(bulk, op, start);
        else code.copy(r.bytes, start, r.at);
      } else if (op === Op.memoryGrow) code.byte(Op.call).unsigned(reset.grow);
      else code.raw(this.#loadAdded!).byte(Op.i32Const).signed(reset.min).byte(Op.i32Add);
      this.#offsets.add(from, code.length, start, r.at);
      copied = r.at;
    }
    code.copy(r.bytes, copied, end);
  }

  /** Handles an instruction that opens or ends a block, or branches. Returns the offset up to which code is copied. */
  #control(op: number, start: number, copied: number): number {
    const labels = this.#labels;
    switch (op) {
      case Op.block:
      case Op.if:
      case Op.try:
        labels.open();
        return copied;
      case Op.end: {
        const loop = labels.end();
        return loop < 0 ? copied : this.#endLoop(loop, copied);
      }
      case Op.loop:
        if (isPlainLoop(this.#r, start)) this.#openLoop(start, copied);
        else {
          labels.open();
          this.#addCheck(this.#check!, copied, this.#r.at, start);
        }
        return this.#r.at;
      default:
        if (!isBranch(op)) return copied;
    }
    const edited = labels.shifts ? this.#branch(op, start, copied) : copied;
    if (op === Op.tryTable) labels.open();
    else if (op === Op.delegate) labels.end();
    return edited;
  }

  /** Rewrites a branch that leaves blocks of the host. Returns the offset up to which code is copied. */
  #branch(op: number, start: number, copied: number): number {
    const r = this.#r;
    const labels = this.#labels;
    const code = this.#code;
    let length: number;
    if (op === Op.branch || op === Op.branchIf) { // most branches: without a list of labels
      const depth = lastIndex(r, start);
      if (this.#counter && labels.depth - depth === this.#counted) {
        return this.#countedRound(this.#counter, op, depth, start, copied);
      }
      const added = labels.addedTo(depth);
      if (!added) return copied;
      length = code.copy(r.bytes, copied, start).length;
      code.put(op).unsigned(depth + added);
    } else {
      const edit = labels.editOf(op, r, start);
      if (!edit) return copied;
      length = code.copy(r.bytes, copied, start).length;
      code.raw(edit);
    }
    this.#offsets.add(length, code.length, start, r.at);
    return r.at;
  }

  /** Rewrites a branch that starts another round of a counted loop: in some rounds it leaves the loop instead. */
  #countedRound(
    counter: Counter,
    op: number,
    label: number,
    start: number,
    copied: number,
  ): number {
    const { bytes, at } = this.#r;
    const code = this.#code.copy(bytes, copied, start);
    const from = code.length;
    const inside = op === Op.branchIf ? 1 : 0;
    if (inside) code.byte(Op.if, NONE);
    this.#hints.add(writeCountedExit(code, counter, label + inside + 1), Hint.unlikely);
    code.put(Op.branch).unsigned(label + inside);
    if (inside) code.put(Op.end);
    this.#offsets.add(from, code.length, start, at);
    return at;
  }

  /**
   * Wraps a loop so that the call that asks the host is outside of it:
   *
   * ```wat
   * (block $over
   *   (loop $again
   *     (block $due
   *       (loop $own (br_if $due (i32.eqz (watched word))) … )
   *       (br $over))
   *     (call $ask)
   *     (br $again))
   *   (unreachable))
   * ```
   *
   * A loop with a counter has no check at its head: its branches to `$own` are `(br_if $due (counter is due)) (br $own)`.
   */
  #openLoop(start: number, copied: number): void {
    const { bytes, at } = this.#r;
    const code = this.#code.copy(bytes, copied, start);
    const from = code.length;
    const type = start + 1;
    code.put(Op.block).copy(bytes, type, at).byte(Op.loop, NONE, Op.block, NONE, Op.loop)
      .copy(bytes, type, at);
    this.#labels.openLoop(start);
    this.#counter = this.#loop?.counter;
    this.#counted = this.#labels.depth;
    if (!this.#counter) {
      this.#hints.add(code.length + this.#exit!.branch, Hint.unlikely);
      code.raw(this.#exit!.code);
    }
    this.#offsets.add(from, code.length, start, at);
  }

  /** Ends a loop of {@linkcode CodeRewriter.#openLoop}. Returns the offset up to which code is copied. */
  #endLoop(loop: number, copied: number): number {
    this.#counter = undefined;
    const { bytes, at } = this.#r;
    const code = this.#code.copy(bytes, copied, at);
    const { length } = code;
    code.raw(this.#askAnew!);
    this.#offsets.add(length, code.length, loop, at);
    return at;
  }

  /** Copies code up to the offset `to` and appends a check, which is attributed to the instruction at `start`. */
  #addCheck({ code, branch }: BranchCode, copied: number, to: number, start: number): void {
    this.#code.copy(this.#r.bytes, copied, to);
    const { length } = this.#code;
    this.#offsets.add(length, length + code.length, start, to);
    this.#hints.add(length + branch, Hint.likely);
    this.#code.raw(code);
  }

  /** Tells whether the call instruction at `start` may call a function that is not imported. */
  #isOwn(op: number, start: number): boolean {
    if (op !== Op.call && op !== Op.returnCall) return true;
    const r = this.#r;
    const after = r.at;
    r.at = start + 1;
    const callee = r.unsigned();
    r.at = after;
    return callee >= this.#plan.imported;
  }

  /** Writes a call of the function that does the work of the bulk instruction at `start` in pieces. */
  #callPieces(bulk: BulkPieces, op: number, start: number): void {
    const { bytes, at } = this.#r;
    this.#code.put(Op.call).unsigned(bulk.functionFor(op, bytes.subarray(start, at)));
  }
}

/** Tells whether an instruction is copied unchanged, without further checks. */
function isOrdinary(op: number): boolean {
  return op > LAST_OF_ONE_BYTE
    ? op < FIRST_LATE_BRANCH // constants, numbers, references
    : op > LAST_OF_CONTROL && op < Op.i32Store && op !== Op.tableSet; // locals, globals, loads
}

/** Returns the index that the instruction between `start` and the reader has as its last immediate. */
function lastIndex(r: Reader, start: number): number {
  const after = r.at;
  r.at = start;
  if (r.byte() === BULK_PREFIX) r.skipNumber();
  const index = r.unsigned();
  r.at = after;
  return index;
}
