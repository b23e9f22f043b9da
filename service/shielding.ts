/** A point of presence: the one that the service runs on, or the two URLs that lead there. */
export type ShieldingSite =
  | "local"
  | { readonly encrypted: string; readonly unencrypted: string };
