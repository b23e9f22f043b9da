/** What becomes of rates while the store fails: each host counts by itself, or everything is refused. */
export type OnStoreFailure = "count-alone" | "refuse";

/** All of {@linkcode OnStoreFailure}. */
export const ON_STORE_FAILURE: readonly OnStoreFailure[] = ["count-alone", "refuse"];
