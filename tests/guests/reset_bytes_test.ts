import { Buffer } from "node:buffer";
import { Fastlike } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { guestUrl, testGuestOnce } from "./serving.ts";

/** Guests with paths that they answer; each writes to its memory in its own way. */
const GUESTS: Readonly<Record<string, readonly string[]>> = {
  rust: ["hello", "kv/get?key=a", "cache/simple?key=a", "headers", "none"],
  "rust-2020": ["hello", "none"],
  assemblyscript: ["hello", "none"],
  go: ["hello", "headers", "none"],
  javascript: ["hello", "kv/get?key=a", "headers", "none"],
  hello: ["hello"],
};

/** Memories that instances export, each with a copy of its first contents. */
class Memories implements Disposable {
  readonly #found = new Map<WebAssembly.Memory, Uint8Array>();
  readonly #instance = WebAssembly.Instance;

  constructor() {
    WebAssembly.Instance = new Proxy(this.#instance, {
      construct: (target, args) => {
        const instance = Reflect.construct(target, args);
        for (const item of Object.values(instance.exports)) {
          if (item instanceof WebAssembly.Memory) this.#add(item);
        }
        return instance;
      },
    });
  }

  #add(memory: WebAssembly.Memory): void {
    if (!this.#found.has(memory)) this.#found.set(memory, new Uint8Array(memory.buffer).slice());
  }

  /** Also of the memories that rewriting adds, as the dirty map. */
  assertReset(): void {
    for (const [memory, first] of this.#found) {
      const bytes = new Uint8Array(memory.buffer);
      if (Buffer.compare(bytes.subarray(0, first.length), first) !== 0) {
        const at = first.findIndex((byte, i) => byte !== bytes[i]);
        throw new Error(`byte ${at} is ${bytes[at]} and was ${first[at]}`);
      }
      const added = bytes.subarray(first.length);
      assert(Buffer.compare(added, new Uint8Array(added.length)) === 0, "added pages");
    }
  }

  [Symbol.dispose](): void {
    WebAssembly.Instance = this.#instance;
  }
}

for (const [name, paths] of Object.entries(GUESTS)) {
  testGuestOnce(name, "a reset by dirty pages leaves no byte of a request", async () => {
    using memories = new Memories();
    await using app = await Fastlike.load(await Deno.readFile(guestUrl(name)), {
      reuse: "dirty-pages",
      kvStores: { store: {} },
    });
    for (const path of [...paths, ...paths]) {
      const response = await app.handler(new Request(`http://localhost/${path}`));
      await response.bytes();
      while (app.status().instances.idle === 0) await new Promise((done) => setTimeout(done));
      memories.assertReset();
    }
    assertEquals(app.status().instances.live, 1);
  });
}
