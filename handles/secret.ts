import type { Secrets } from "../service/stores/secrets.ts";

/** A secret store that a guest has opened. */
export class SecretStore {
  constructor(readonly secrets: Secrets) {}
}

/** A secret out of a store, or one that the guest made. */
export class Secret {
  constructor(readonly plaintext: Uint8Array) {}
}
