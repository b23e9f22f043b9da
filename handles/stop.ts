/** Thrown through a guest to end it: by its own `proc_exit`, or because nobody wants its work any more. */
export class Stop extends Error {
  override name = "Stop";
  /** The exit status that the guest chose; undefined when it was the host that stopped it. */
  readonly code: number | undefined;

  constructor(message: string, code?: number) {
    super(message);
    this.code = code;
  }
}
