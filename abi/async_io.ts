/** `fastly_async_io`: waits for the first of several handles. @module */
import { firstReady, Waitable } from "../handles/waitable.ts";
import { refuse } from "../service/errors.ts";
import { type Namespace, namespace, wait } from "./_define.ts";
import { list, ref, u32 } from "./_in.ts";
import * as out from "./_out.ts";

/** Index that stands for a timeout. */
const TIMED_OUT = 0xffff_ffff;

export const asyncIo: Namespace = namespace("fastly_async_io", {
  /** Returns the index of the first handle that is ready, and consumes none. The timeout is in milliseconds; 0 for none. */
  select: wait([list, u32], out.u32, (sandbox, numbers, timeout) => {
    const items = numbers.map((handle) => sandbox.handles.get(Waitable, handle));
    if (!items.length && !timeout) refuse("invalid", "Cannot wait for nothing without a timeout");
    if (!timeout) return firstReady(items, sandbox);
    const ready = items.findIndex((item) => item.ready);
    if (ready >= 0) return ready;
    const limit = sandbox.timer(timeout);
    return readyWithin(items, limit.done).finally(() => limit.cancel());
  }),
  is_ready: wait(
    [ref(Waitable)],
    out.bool,
    (sandbox, item) => sandbox.poll(item),
  ),
});

async function readyWithin(items: readonly Waitable[], limit: Promise<void>): Promise<number> {
  let timedOut = false;
  const expired = limit.then(() => void (timedOut = true));
  while (!timedOut) {
    await Promise.race([...items.map((item) => item.whenReady()), expired]);
    const ready = items.findIndex((item) => item.ready);
    if (ready >= 0) return ready;
  }
  return TIMED_OUT;
}
