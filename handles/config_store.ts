/** Config store, or dictionary, that a guest has opened. */
export class ConfigStore {
  constructor(readonly entries: ReadonlyMap<string, string>) {}
}
