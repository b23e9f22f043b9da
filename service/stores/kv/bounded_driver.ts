import { type ByteSource, isWhole, type Payload } from "../../http/bytes.ts";
import type { DriverTime } from "../../util/driver_time.ts";
import { chain, type Eventually } from "../../util/eventually.ts";
import type { KvDriver, KvFound } from "./driver.ts";
import { ignore } from "./pieces.ts";

/**
 * Returns a driver whose calls, and reads of values, reject after a timeout, so that a driver that never answers blocks no
 * guest forever. A later answer is ignored.
 *
 * @param store Name of the store, for messages.
 */
export function boundedDriver(driver: KvDriver, store: string, time: DriverTime): KvDriver {
  const reading = `read from KV store "${store}"`;
  const writing = `write to KV store "${store}"`;
  return {
    get(key) {
      const answer = driver.get(key);
      const found = time.bound(reading, answer);
      if (found instanceof Promise) found.catch(() => ignoreLater(answer));
      return chain(
        found,
        (found) => found && { ...found, value: boundedValue(found.value, reading, time) },
      );
    },
    set: (key, record, expected) => time.bound(writing, driver.set(key, record, expected)),
    delete: (key, generation) => time.bound(writing, driver.delete(key, generation)),
    list: (prefix, after, limit) => time.bound(reading, driver.list(prefix, after, limit)),
    ...driver.sweep &&
      { sweep: (until, max) => time.bound(writing, driver.sweep!(until, max)) },
  };
}

/** Cancels the value of a record that arrives after the timeout. */
function ignoreLater(answer: Eventually<KvFound | undefined>): void {
  Promise.resolve(answer).then((found) => found && ignore(found.value), () => {});
}

function boundedValue(value: Payload, reading: string, time: DriverTime): Payload {
  if (isWhole(value)) return value;
  const bounded: ByteSource = {
    get length() {
      return value.length;
    },
    get trailers() {
      return value.trailers;
    },
    read: () => time.bound(reading, value.read()),
    cancel: (reason) => value.cancel(reason),
  };
  return bounded;
}
