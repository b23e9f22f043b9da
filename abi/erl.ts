/** `fastly_erl`: edge rate limiting. The guest is suspended only while a driver answers later. @module */
import { type Namespace, namespace, wait } from "./_define.ts";
import { text, u32 } from "./_in.ts";
import * as out from "./_out.ts";

export const erl: Namespace = namespace("fastly_erl", {
  /** Looks into the penalty box, then counts and compares in one step, then adds the entry to the box if it is over. */
  check_rate: wait(
    [text, text, u32, u32, u32, text, u32],
    out.bool,
    ({ service }, counter, entry, delta, window, limit, box, ttl) =>
      service.rates.check({ counter, entry, delta, window, limit, box, ttl }),
  ),
  ratecounter_increment: wait(
    [text, text, u32],
    out.none,
    ({ service }, counter, entry, delta) => service.rates.counters.increment(counter, entry, delta),
  ),
  ratecounter_lookup_rate: wait(
    [text, text, u32],
    out.u32,
    ({ service }, counter, entry, window) => service.rates.counters.rate(counter, entry, window),
  ),
  ratecounter_lookup_count: wait(
    [text, text, u32],
    out.u32,
    ({ service }, counter, entry, seconds) => service.rates.counters.count(counter, entry, seconds),
  ),
  penaltybox_add: wait(
    [text, text, u32],
    out.none,
    ({ service }, box, entry, ttl) => service.rates.boxes.add(box, entry, ttl),
  ),
  penaltybox_has: wait(
    [text, text],
    out.bool,
    ({ service }, box, entry) => service.rates.boxes.has(box, entry),
  ),
});
