/** Drivers over a network, for tests: one that answers after a turn of the event loop, and one that never does. */

type Method = (...args: unknown[]) => unknown;

/** The driver, with each answer given in a later turn of the event loop; the work is done in that turn, too. */
export function slow<D extends object>(driver: D): D {
  return wrapped(driver, async (run) => {
    await new Promise((resolve) => setTimeout(resolve));
    return run();
  });
}

/** A driver of which no call is ever answered, or done. */
export function silent<D extends object>(driver: D): D {
  return wrapped(driver, () => new Promise(() => {}));
}

/** The driver, with each call run by a function that may do so later, or never. */
export function wrapped<D extends object>(
  driver: D,
  call: (run: () => unknown, name: string) => unknown,
): D {
  return new Proxy(driver, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function" || typeof name !== "string") return member;
      const method = member as Method;
      return (...args: unknown[]) => call(() => method.apply(target, args), name);
    },
  });
}
