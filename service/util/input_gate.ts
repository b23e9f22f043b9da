import { machineClock } from "./clock.ts";
import { afterOthers } from "./turns.ts";

/**
 * Milliseconds for which a connection's bytes are handled before other connections get a turn of the event loop. Deno reads a
 * socket that always has bytes 32 times in one turn.
 */
const SHARE = 2;
/** Chunks of fewer bytes are not measured: a sender that is ahead fills the buffers of reads. */
const MEASURED = 4 * 1024;

/** Stream of bytes, as an {@linkcode InputGate} pauses it. */
interface Pausable {
  pause(): unknown;
  resume(): unknown;
}

/**
 * Pauses a connection while its buffers are full, and for some turns of the event loop each time that handling its bytes has
 * taken its share of the thread. Without the second, a peer that sends bytes faster than they are parsed holds up all other
 * connections.
 */
export class InputGate {
  readonly #stream: Pausable;
  readonly #now: () => number;
  #full = false;
  #yields = false;
  #ended = false;
  /** Milliseconds that handling has taken since the last pause. */
  #spent = 0;

  /** @param now Clock in milliseconds. */
  constructor(stream: Pausable, now: () => number = machineClock.elapsed) {
    this.#stream = stream;
    this.#now = now;
  }

  /** Pauses the stream while its buffers are full. */
  set full(full: boolean) {
    if (full === this.#full || this.#ended) return;
    this.#full = full;
    if (this.#yields) return;
    if (full) this.#stream.pause();
    else this.#stream.resume();
  }

  /** Handles a chunk that the stream has brought, and measures that. */
  pass<Bytes extends Uint8Array>(bytes: Bytes, handle: (bytes: Bytes) => void): void {
    this.#spent = Math.max(0, this.#spent);
    if (bytes.length < MEASURED) return handle(bytes);
    const start = this.#now();
    handle(bytes);
    this.#spent += this.#now() - start;
    if (this.#spent >= SHARE && !this.#yields && !this.#ended) this.#yield();
  }

  /** Makes no pause until more bytes come, since none are expected: if they do, or the end, that is seen at once. */
  rest(): void {
    this.#spent = -Infinity;
    if (!this.#yields) return;
    this.#yields = false;
    if (!this.#full && !this.#ended) this.#stream.resume();
  }

  /** Ends the pauses: the stream has another reader, or is closed. */
  end(): void {
    this.#ended = true;
  }

  #yield(): void {
    this.#yields = true;
    if (!this.#full) this.#stream.pause();
    afterOthers(() => {
      this.#yields = false;
      this.#spent = 0;
      if (!this.#full && !this.#ended) this.#stream.resume();
    }, this.#now);
  }
}
