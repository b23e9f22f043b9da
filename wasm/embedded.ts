/**
 * Sources in other languages as text, so that the library loads without reading files. Written by `deno task embed`.
 *
 * @module
 */

/** Source text of `watchdog_thread.js`, without `@ts-check`. */
export const WATCHDOG_THREAD =
  `// Thread of the watchdog; the protocol is described in watchdog.ts. The library embeds this text (embedded.ts), since a
// worker from a file would need --allow-read.

/**
 * @typedef {object} Task Message that starts the thread.
 * @property {WebAssembly.Memory} memory Shared memory.
 * @property {{ run: number, left: number, reason: number, asleep: number }} word Indices of its words.
 * @property {number} tick Milliseconds between two looks.
 * @property {number} grace Milliseconds that a guest may run on after a signal.
 * @property {[Deno.Signal, number][]} signals Names and numbers of the signals.
 */

/** @type {(ms: number) => Promise<void>} */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {Task} task */
async function watch({ memory, word, tick, grace, signals }) {
  const words = new Int32Array(memory.buffer);

  /**
   * Stops a stretch, unless it is over.
   *
   * @param {number} stretch
   * @param {number} reason
   */
  function stop(stretch, reason) {
    Atomics.store(words, word.reason, reason);
    Atomics.compareExchange(words, word.run, stretch, 0);
  }

  /**
   * Stops a guest that runs on without a pause after a signal, whose listener on the main thread has first say.
   *
   * @param {number} number
   */
  async function onSignal(number) {
    let before = Atomics.load(words, word.run);
    for (let looks = 3; looks > 0; looks--) {
      await sleep(grace);
      const stretch = Atomics.load(words, word.run);
      if (stretch > 1 && stretch === before) return stop(stretch, number);
      before = stretch;
    }
  }

  for (const [name, number] of signals) Deno.addSignalListener(name, () => onSignal(number));
  /** @type {any} */ (globalThis).postMessage("ready");
  let seen = 0;
  let since = 0;
  for (;;) {
    const stretch = Atomics.load(words, word.run);
    const now = performance.now();
    if (stretch !== seen) {
      seen = stretch;
      since = now;
    } else if (stretch > 1 && now - since >= Atomics.load(words, word.left)) stop(stretch, 0);
    await sleep(tick);
    Atomics.store(words, word.asleep, 1);
    if (Atomics.load(words, word.run) <= 1) {
      await Atomics.waitAsync(words, word.asleep, 1).value;
    }
    Atomics.store(words, word.asleep, 0);
  }
}

addEventListener("message", (event) => {
  if (event instanceof MessageEvent) void watch(event.data);
});
`;

/** Digest of the rewriter's sources, so that code that another version has rewritten is not used. */
export const REWRITER = "d2e7abf4c5c38eb00d417472ba9fb1cc";

/** Compiled `stack.wat`, in Base64. */
export const STACK_MODULE =
  "AGFzbQEAAAABDANgAABgAAFwYAFvAAIaAwAEbmV4dAABAAZmYWlsZWQAAgACanMEAAIDAgEABAQBcAABBwcBA3J1bgACCjUBMwACQANAAkACbx9AAQAAAEEA0HAmAEEAEAAmAEEAJQDRDQRBABEAAAsMAQsQAQsMAAsLCwBXBG5hbWUBHgMABG5leHQBBmZhaWxlZAINZmFzdGxpa2UubG9vcAIHAwAAAQACAAQWAwAFc3RhcnQBBG5leHQCBmZhaWxlZAUIAQAFdGFibGULBQEAAmpz";

/** Compiled `host_function.wat`, in Base64. */
export const HOST_FUNCTION_MODULE =
  "AGFzbQEAAAABBAFgAAACCAEAA3J1bgAABwcBA3J1bgAAABIEbmFtZQEGAQADcnVuAgMBAAA=";

/** Compiled `restore.wat`, in Base64. */
export const RESTORE_MODULE =
  "AGFzbQEAAAABGgVgAABgAn9/AX9gAn9/AGABfwF+YAJ+fgF+AkEGAAZtZW1vcnkCAAAAB2NvbnRyb2wCAAAACHNuYXBzaG90AgAAAARiaXRzA38AAARuZWFyA38AAAVzcGlsbAN/AAMGBQABAgMEBwsBB3Jlc3RvcmUAAAqwAgV2AgN/AX4/AEEQIwBrdCEBAkADQCAAIAFPDQEgAP0ARAEAIAD9AEQBEP1Q/VNFBEAgAEEgaiEADAELIAApQwEAIQMgA1AEQCAAQQhqIQAMAQsgACADekIDiKdqIQIgAiABEAEhACACIAAQAiAAQXhxIQAMAAsLCzkBAX8gAEEBQR8jAGt0aiECA0AgAEEAOkABACAAQQFqIQAgACABSSAAIAJJcSAALUABAHENAAsgAAtmAQN+IAAQAyECIAIgAiMBrRAEfSECIAEQAyMCrXw/AK1CEIYQBCEEIAQ/Aq1CEIYQBCEDIAMgAlYEQCACpyACpyADIAJ9p/wKAAIgAyECCyAEIAJWBEAgAqdBACAEIAJ9p/wLAAsLCQAgAK0jAK2GCwwAIAAgASAAIAFUGwsAxgEEbmFtZQEhBAEFY2xlYXICCnJlc3RvcmVSdW4DBm9mZnNldAQDbWluAmgFAAQABHBhZ2UBBXBhZ2VzAgVmaXJzdAMEd29yZAEDAARwYWdlAQVwYWdlcwIEbW9zdAIFAAVmaXJzdAEDZW5kAgRmcm9tAwZtaWRkbGUEAnRvAwEABHBhZ2UEAgADb25lAQVvdGhlcgYcAwAGbWVtb3J5AQdjb250cm9sAghzbmFwc2hvdAcUAwAEYml0cwEEbmVhcgIFc3BpbGw=";

/** Compiles a module that is embedded in Base64. */
export function moduleOf(base64: string): WebAssembly.Module {
  return new WebAssembly.Module(Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0)));
}
