import type { Acceptor } from "./acceptor.ts";
import { hostInUrl } from "./socket_facts.ts";

/** Milliseconds between two checks. */
const EVERY_MILLIS = 2000;
/** Number of checks without a connection after which a shared socket is listened on anew. */
const QUIET_CHECKS = 5;
/** Milliseconds until the next check once there are too many connections. */
const SOON_MILLIS = 50;

/** Checks regularly whether ports accept connections, and listens again on those that do not. */
export class AcceptMonitor {
  readonly #acceptors: readonly Acceptor[];
  readonly #trouble: (message: string) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #hurried = false;
  /** Whether this check is made because there are too many connections. */
  #pressed = false;
  #checking: Promise<boolean> | undefined;
  /** Number of connections that each had accepted at the last check. */
  readonly #accepted = new Map<Acceptor, number>();
  /** Number of checks since each has listened anew, if it has accepted no connection since. */
  readonly #quiet = new Map<Acceptor, number>();
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
      this.#pressed = this.#hurried;
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
    if (probe === "unknown") this.#tellStarved(acceptor);
    else if (probe === "fails") await this.#reopen(acceptor);
    else {
      if (probe === "passed") await this.#renew(acceptor);
      else this.#quiet.delete(acceptor);
      this.#tellAccepts(acceptor);
    }
    return probe === "accepts" || probe === "passed";
  }

  /**
   * Listens anew on a shared socket whose connections other processes may have accepted, in case `accept` has failed here:
   * right after it has accepted some, which may have taken the last open files, and later now and then. No connection is
   * lost by that.
   */
  async #renew(acceptor: Acceptor): Promise<void> {
    const quiet = this.#quiet.get(acceptor);
    const doubtful = this.#pressed || this.#starved.size > 0 || quiet === undefined ||
      quiet >= QUIET_CHECKS;
    this.#quiet.set(acceptor, doubtful ? 1 : quiet + 1);
    if (doubtful) await acceptor.reopen().catch(() => {});
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
    await acceptor.reopen().catch(() => {}); // the next check tries again
  }
}

function nameOf({ address, port }: Acceptor): string {
  return `${hostInUrl(address)}:${port}`;
}
