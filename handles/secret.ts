import type { Secrets } from "../service/stores/secrets.ts";

/** Secret store that a guest has opened. */
export class SecretStore {
  constructor(readonly secrets: Secrets) {}
}

/** Secret of a store, or one that the guest has made. */
export class Secret {
  constructor(readonly plaintext: Uint8Array) {}
}
