/** What a guest may select on by handle: whether an operation on it would wait. Readiness stays until it is used. */
export abstract class Waitable {
  abstract readonly ready: boolean;
  /** Resolves when {@linkcode Waitable.ready} may hold. */
  abstract whenReady(): Promise<void>;
  /** Lets go of what the guest left behind. */
  abstract drop(): void;
}
