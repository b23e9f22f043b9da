import { setImmediate } from "node:timers";
import { machineClock } from "./clock.ts";

/**
 * Number of turns of the event loop in which sockets are looked at once: as long as each turn leads to another, Tokio, on which
 * Deno runs, does so in every 61st.
 */
const TURNS = 64;
/** Milliseconds after which no more turns are waited for: others have used them. */
const MAX_WAIT = 20;

/**
 * Calls back when others have had their turns of the event loop, those among them whose bytes are still in a socket. It takes
 * some 50 microseconds if there are none. One turn alone would do for timers and promises.
 *
 * @param now Clock in milliseconds.
 */
export function afterOthers(callback: () => void, now: () => number = machineClock.elapsed): void {
  const end = now() + MAX_WAIT;
  let turns = 0;
  const pass = () => {
    if (++turns < TURNS && now() < end) setImmediate(pass);
    else callback();
  };
  setImmediate(pass);
}

/** Resolves when {@linkcode afterOthers} would call back. */
export function turn(): Promise<void> {
  return new Promise((resolve) => afterOthers(resolve));
}
