/**
 * The instances of modules that this process has made, from the import of this module on, without holding them.
 *
 * @module
 */
const made: WeakRef<WebAssembly.Instance>[] = [];
WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct(target, args) {
    const instance = Reflect.construct(target, args);
    made.push(new WeakRef(instance));
    return instance;
  },
});

/** Returns how many instances were made. */
export function instancesMade(): number {
  return made.length;
}

/** Returns how many of the instances are still held. */
export function instancesHeld(): number {
  return made.filter((instance) => instance.deref()).length;
}
