import type { Acceptor } from "./acceptor.ts";
import { hostInUrl } from "./socket_facts.ts";

/** Milliseconds between two checks. */
const EVERY_MILLIS = 2000;
/** Milliseconds until the next check once there are too many connections. */
const SOON_MILLIS = 50;

/** Checks regularly whether ports accept connections, and has those that do not accept again. */
export class AcceptMonitor {
  readonly #acceptors: readonly Acceptor[];
  readonly #trouble: (message: string) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #hurried = false;
  #checking: Promise<boolean> | undefined;
  /** Number of connections that each had accepted at the last check. */
  readonly #accepted = new Map<Acceptor, number>();
  /** Acceptors that were reported as not accepting. */
  readonly #failing = new Set<Acceptor>();
  /** Acceptors that were reported as having no file descriptors left. */
  readonly #starved = new Set<Acceptor>();

  /** @param trouble Called when a port fails, and when it accepts again. */
  constructor(acceptors: readonly Acceptor[], trouble: (message: string) => void) {
    this.#acceptors = acceptors;
    this.#trouble = trouble;
    this.#wait(EVERY_MILLIS);
  }

  /** Checks now; resolves to whether all ports accept connections. */
  check(): Promise<boolean> {
    return this.#checking ??= Promise.all(this.#acceptors.map((one) => this.#checkOne(one)))
      .then((all) => all.every((accepts) => accepts))
      .finally(() => this.#checking = undefined);
  }

  /** Makes the next check soon: there are too many connections, and `accept` may have failed. */
  hurry(): void {
    if (this.#hurried || this.#closed) return;
    this.#hurried = true;
    clearTimeout(this.#timer);
    this.#wait(SOON_MILLIS);
  }

  /** Ends the checks. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #wait(millis: number): void {
    this.#timer = setTimeout(async () => {
      // Connections that were accepted before do not show that later ones will be.
      if (this.#hurried) {
        for (const one of this.#acceptors) this.#accepted.set(one, one.accepted);
      }
      this.#hurried = false;
      await this.check();
      if (!this.#closed && !this.#hurried) this.#wait(EVERY_MILLIS);
    }, millis);
  }

  async #checkOne(acceptor: Acceptor): Promise<boolean> {
    // A port that has accepted a connection since the last check works.
    const works = (this.#accepted.get(acceptor) ?? 0) < acceptor.accepted;
    const probe = works ? "accepts" : await acceptor.probe();
    this.#accepted.set(acceptor, acceptor.accepted);
    if (this.#closed) return false;
    // `accept` may also have failed where another process has accepted the probe.
    if (probe !== "accepts") acceptor.resume();
    if (probe === "unknown") this.#tellStarved(acceptor);
    else if (probe === "fails") this.#tellFailing(acceptor);
    else this.#tellAccepts(acceptor);
    return probe === "accepts" || probe === "passed";
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

  #tellFailing(acceptor: Acceptor): void {
    if (this.#failing.has(acceptor)) return;
    this.#failing.add(acceptor);
    this.#trouble(`${nameOf(acceptor)} does not accept connections: listening on it anew`);
  }
}

function nameOf({ address, port }: Acceptor): string {
  return `${hostInUrl(address)}:${port}`;
}
