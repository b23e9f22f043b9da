/** A shielding site: the one that the service runs on (`local`), or the URLs of another one, by `https:` and by `http:`. */
export type ShieldingSite =
  | "local"
  | { readonly encrypted: string; readonly unencrypted: string };
