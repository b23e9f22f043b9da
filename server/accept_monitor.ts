import type { Acceptor } from "./acceptor.ts";
import { hostInUrl } from "./socket_facts.ts";

/** Milliseconds between two looks. */
const EVERY_MILLIS = 2000;
/** Milliseconds until the next look after a sign that files run out. */
const SOON_MILLIS = 50;

/** Looks whether ports go on accepting connections, and has those that do not listened on anew. */
export class AcceptMonitor {
  readonly #acceptors: readonly Acceptor[];
  readonly #trouble: (message: string) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #hurried = false;
  #looking: Promise<boolean> | undefined;
  /** How many connections each had accepted at the last look. */
  readonly #accepted = new Map<Acceptor, number>();
  /** Those that are told of: as not accepting, or as having no open files left for it. */
  readonly #failing = new Set<Acceptor>();
  readonly #starved = new Set<Acceptor>();

  /** @param trouble Called when a port fails, and when it accepts again. */
  constructor(acceptors: readonly Acceptor[], trouble: (message: string) => void) {
    this.#acceptors = acceptors;
    this.#trouble = trouble;
    this.#wait(EVERY_MILLIS);
  }

  /** Looks now; whether all of them accept connections. */
  look(): Promise<boolean> {
    return this.#looking ??= Promise.all(this.#acceptors.map((one) => this.#lookAt(one)))
      .then((all) => all.every((accepts) => accepts))
      .finally(() => this.#looking = undefined);
  }

  /** Has the next look come soon: there are more connections than there should be, and `accept` may have failed. */
  hurry(): void {
    if (this.#hurried || this.#closed) return;
    this.#hurried = true;
    clearTimeout(this.#timer);
    this.#wait(SOON_MILLIS);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #wait(millis: number): void {
    this.#timer = setTimeout(async () => {
      // What was accepted up to now says nothing of what comes.
      if (this.#hurried) {
        for (const one of this.#acceptors) this.#accepted.set(one, one.accepted);
      }
      this.#hurried = false;
      await this.look();
      if (!this.#closed && !this.#hurried) this.#wait(EVERY_MILLIS);
    }, millis);
  }

  async #lookAt(acceptor: Acceptor): Promise<boolean> {
    // One that has accepted a connection since the last look is seen to work.
    const works = (this.#accepted.get(acceptor) ?? 0) < acceptor.accepted;
    const probe = works ? "accepts" : await acceptor.probe();
    this.#accepted.set(acceptor, acceptor.accepted);
    if (this.#closed) return false;
    if (probe === "accepts") this.#tellAccepts(acceptor);
    else if (probe === "fails") await this.#reopen(acceptor);
    else this.#tellStarved(acceptor);
    return probe === "accepts";
  }

  #tellAccepts(acceptor: Acceptor): void {
    const failed = this.#failing.delete(acceptor);
    if (this.#starved.delete(acceptor) || failed) {
      this.#trouble(`${nameOf(acceptor)} accepts connections again`);
    }
  }

  #tellStarved(acceptor: Acceptor): void {
    if (this.#starved.has(acceptor)) return;
    this.#starved.add(acceptor);
    this.#trouble(
      `${nameOf(acceptor)} cannot accept connections: the process has too many open files ` +
        "(see ulimit -n, and --limit connections)",
    );
  }

  async #reopen(acceptor: Acceptor): Promise<void> {
    if (!this.#failing.has(acceptor)) {
      this.#trouble(
        `${nameOf(acceptor)} does not accept connections: listening on it anew`,
      );
    }
    this.#failing.add(acceptor);
    await acceptor.reopen().catch(() => {}); // the next look tries again
  }
}

function nameOf({ address, port }: Acceptor): string {
  return `${hostInUrl(address)}:${port}`;
}
