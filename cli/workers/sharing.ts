import type { KeptConnections } from "../../server/kept_connections.ts";
import type { Channel } from "./channel.ts";

/** Milliseconds in which a worker counts the connections that it keeps, and for which answers of others are awaited. */
const PERIOD_MILLIS = 250;
/** Weight of the last period in an average. The average suppresses differences that are chance. */
const WEIGHT = 0.25;

/** Connections that a worker keeps open after responses. */
export interface KeptLoad {
  /** Number in the last period, or in the current one if that has more already. */
  readonly last: number;
  /** Average over periods; the last ones count most. */
  readonly average: number;
}

/**
 * Returns the number of connections that a worker releases, so that all have equally many. It is 0 unless the worker's
 * average exceeds that of all by the square root of that: smaller differences may be chance, as clients of some connections
 * pause.
 *
 * @param others Loads of the other workers that can accept connections now.
 */
export function surplusOf(own: KeptLoad, others: readonly KeptLoad[]): number {
  const all = [own, ...others];
  const mean = (figure: keyof KeptLoad) =>
    all.reduce((sum, load) => sum + load[figure], 0) / all.length;
  const average = mean("average");
  const excess = own.average - average;
  if (excess <= 0 || excess ** 2 < average) return 0;
  return Math.max(0, Math.floor(own.last - mean("last")));
}

/** Asks workers for their loads. One whose guest computes does not answer in time, and so counts as absent. */
export async function loadsOf(channels: readonly Channel[]): Promise<KeptLoad[]> {
  const loads: KeptLoad[] = [];
  const answers = channels.map(async (channel) => {
    loads.push(await channel.ask<KeptLoad>("load"));
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((resolve) => timer = setTimeout(resolve, PERIOD_MILLIS));
  await Promise.race([Promise.allSettled(answers), late]);
  clearTimeout(timer);
  return [...loads];
}

/**
 * Releases connections of a worker that keeps more than others: a client that opens many at once may get all of them
 * accepted by one worker. Disposal ends it.
 */
export class Sharing implements Disposable {
  readonly #kept: KeptConnections;
  readonly #surplus: (load: KeptLoad) => Promise<number>;
  readonly #timer: ReturnType<typeof setInterval>;
  #last = 0;
  #average = 0;
  #asking = false;

  /** @param surplus Returns the number of connections to release, by {@linkcode surplusOf}. */
  constructor(kept: KeptConnections, surplus: (load: KeptLoad) => Promise<number>) {
    this.#kept = kept;
    this.#surplus = surplus;
    this.#timer = setInterval(this.#period, PERIOD_MILLIS);
  }

  get load(): KeptLoad {
    return { last: Math.max(this.#last, this.#kept.count), average: this.#average };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  readonly #period = async (): Promise<void> => {
    this.#last = this.#kept.next();
    this.#average += (this.#last - this.#average) * WEIGHT;
    if (this.#last < 2 || this.#asking) return;
    this.#asking = true;
    const surplus = await this.#surplus(this.load).catch(() => 0); // the supervisor has ended
    this.#asking = false;
    if (surplus > 0) this.#kept.release(surplus);
  };
}
