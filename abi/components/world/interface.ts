/** Interface of WIT, as data. */
export interface Interface {
  /** Types of other interfaces under their local names, as `INTERFACE.TYPE`. */
  readonly uses: Readonly<Record<string, string>>;
  /** Names of the resources that the interface defines. */
  readonly resources: readonly string[];
  /** Types in WIT, by name. */
  readonly types: Readonly<Record<string, string>>;
  /** Signatures in WIT, by the names under which components import the functions. */
  readonly functions: Readonly<Record<string, string>>;
}
