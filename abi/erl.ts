/** `fastly_erl`: counting requests, and keeping out those who make too many. @module */
import { call, type Namespace, namespace } from "./_define.ts";
import { text, u32 } from "./_in.ts";
import * as out from "./_out.ts";

export const erl: Namespace = namespace("fastly_erl", {
  /** Looks into the box, counts, compares and puts into the box, in one step. */
  check_rate: call(
    [text, text, u32, u32, u32, text, u32],
    out.bool,
    ({ service }, counter, entry, delta, window, limit, box, ttl) =>
      service.rates.check({ counter, entry, delta, window, limit, box, ttl }),
  ),
  ratecounter_increment: call(
    [text, text, u32],
    out.none,
    ({ service }, counter, entry, delta) => service.rates.counters.increment(counter, entry, delta),
  ),
  ratecounter_lookup_rate: call(
    [text, text, u32],
    out.u32,
    ({ service }, counter, entry, window) => service.rates.counters.rate(counter, entry, window),
  ),
  ratecounter_lookup_count: call(
    [text, text, u32],
    out.u32,
    ({ service }, counter, entry, seconds) => service.rates.counters.count(counter, entry, seconds),
  ),
  penaltybox_add: call(
    [text, text, u32],
    out.none,
    ({ service }, box, entry, ttl) => service.rates.boxes.add(box, entry, ttl),
  ),
  penaltybox_has: call(
    [text, text],
    out.bool,
    ({ service }, box, entry) => service.rates.boxes.has(box, entry),
  ),
});
