import type { Memory } from "../handles/memory.ts";
import type { Sandbox } from "../handles/sandbox.ts";
import { refuse } from "../service/errors.ts";
import type { Clock } from "../service/util/clock.ts";
import { checkCount } from "./_wasi_errno.ts";

// Sizes and fields of records in WASI's preview 1.
const SUBSCRIPTION = 48;
const EVENT = 32;
const ABSOLUTE = 1;
const REAL_TIME = 0;
const MONOTONIC = 1;
const NANOS = 1e6;

interface Subscription {
  readonly userdata: bigint;
  readonly kind: number;
  readonly error: number;
  /** Milliseconds until the event. 0 for a descriptor, since input is empty and output never waits. */
  readonly delay: number;
}

/** Sources of events. */
interface Sources {
  readonly clock: Pick<Clock, "now" | "elapsed">;
  /** Returns the error number of an event of a descriptor; 0 for none. */
  errorOf(descriptor: number): number;
}

/** Waits for the first event of subscribed clocks and descriptors. Returns the number of events. */
export function pollOneoff(
  sandbox: Sandbox,
  input: number,
  output: number,
  count: number,
  sources: Sources,
): number | Promise<number> {
  const { memory } = sandbox;
  checkCount(count, "subscriptions");
  if (count === 0) refuse("invalid", "Cannot wait for nothing");
  if (input + count * SUBSCRIPTION > memory.size || output + count * EVENT > memory.size) {
    refuse("invalid", `Cannot reach ${count} subscriptions`);
  }
  const wanted = Array.from(
    { length: count },
    (_, i) => read(memory, input + i * SUBSCRIPTION, sources),
  );
  const delay = wanted.reduce((min, { delay }) => Math.min(min, delay), Infinity);
  const due = wanted.filter((each) => each.delay <= delay);
  const finish = () => {
    due.forEach((event, i) => write(memory, output + i * EVENT, event));
    return due.length;
  };
  if (delay > 0) return sandbox.timer(Math.ceil(delay)).done.then(finish);
  // A guest that polls with clocks that are due yields a turn of the event loop.
  return due.some(({ kind }) => kind > 0) ? finish() : sandbox.turn().then(finish);
}

function read(memory: Memory, at: number, sources: Sources): Subscription {
  const kind = memory.u8(at + 8);
  if (kind > 2) refuse("invalid", `Cannot wait for events of kind ${kind}`);
  const userdata = memory.u64(at);
  return kind === 0
    ? { userdata, kind, error: 0, delay: clockDelay(memory, at, sources) }
    : { userdata, kind, error: sources.errorOf(memory.u32(at + 16)), delay: 0 };
}

function clockDelay(memory: Memory, at: number, { clock }: Sources): number {
  const id = memory.u32(at + 16);
  if (id !== REAL_TIME && id !== MONOTONIC) refuse("invalid", `Cannot wait for clock ${id}`);
  const timeout = Number(memory.u64(at + 24)) / NANOS;
  if (!(memory.u16(at + 40) & ABSOLUTE)) return timeout;
  const now = id === REAL_TIME ? clock.now() : clock.elapsed();
  return Math.max(0, timeout - now);
}

function write(memory: Memory, at: number, { userdata, kind, error }: Subscription): void {
  memory.setBytes(at, new Uint8Array(EVENT));
  memory.setU64(at, userdata);
  memory.setU16(at + 8, error);
  memory.setU8(at + 10, kind);
}
