import { hostFunction } from "../../../wasm/host_function.ts";
import { WATCH } from "../../../wasm/rewrite/control.ts";
import { layoutOf } from "../../../wasm/rewrite/layout.ts";
import { rewrite } from "../../../wasm/rewrite/rewrite.ts";

type Run = (n: number) => unknown;

/** The function `run` of a module, as it is and with checks, whose host counts how often it is asked. */
export class CheckedModule {
  /** The original function. */
  readonly plain: Run;
  /** The function with checks. */
  readonly run: Run;
  /** Number of checks that have asked the host. */
  asked = 0;
  readonly #words: Int32Array;

  /** @param tick Runs when the module calls the import `h.tick`. */
  constructor(bytes: Uint8Array, tick: (module: CheckedModule) => void = () => {}) {
    const module = new WebAssembly.Module(bytes as BufferSource);
    const original = new WebAssembly.Instance(module, { h: { tick() {} } });
    this.plain = original.exports.run as Run;
    const { names, bytes: rewritten } = rewrite(layoutOf(bytes), {
      memory: Infinity,
      checks: true,
    });
    const watch = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    this.#words = new Int32Array(watch.buffer);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(rewritten), {
      h: { tick: () => tick(this) },
      [names.host]: { [WATCH]: watch, 0: new WebAssembly.Memory({ initial: 1, maximum: 65536 }) },
    });
    const ask = hostFunction(() => void (this.word = ++this.asked));
    (exports[names.ask] as WebAssembly.Table).set(0, ask);
    this.run = exports.run as Run;
  }

  /** Sets the word that checks compare: 0 makes the next one due. */
  set word(value: number) {
    this.#words[0] = value;
  }
}
