/** Handling of rates while the store fails: each host counts by itself, or every check finds the limit exceeded. */
export type OnStoreFailure = "count-alone" | "refuse";

/** Every one of {@linkcode OnStoreFailure}. */
export const ON_STORE_FAILURE: readonly OnStoreFailure[] = ["count-alone", "refuse"];
