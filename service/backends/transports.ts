import type { BackendOptions, Transport, UpgradeInFlight } from "./backend.ts";
import { RecencyMap } from "../util/recency_map.ts";

/** How many transports are kept of backends that the service does not define. */
const MAX_PASSING = 256;

/**
 * Transports of a service's backends, by the backend options' JSON: backends with the same options share connections.
 * Those of backends that the service defines stay until the service closes. The others are a pool of bounded size: they
 * are the guests' choice.
 */
export class Transports {
  readonly #make: (options: BackendOptions) => Transport;
  readonly #lasting = new Map<string, Transport>();
  readonly #passing = new RecencyMap<string, Transport>();
  #closed = false;

  /** @param make Makes a transport; not called before a request is to be sent, but for lasting ones. */
  constructor(make: (options: BackendOptions) => Transport) {
    this.#make = make;
  }

  /** The transport of a backend that the service defines. */
  lasting(key: string, options: BackendOptions): Transport {
    const known = this.#lasting.get(key);
    if (known) return known;
    const made = this.#make(options);
    this.#lasting.set(key, made);
    return made;
  }

  /**
   * The transport of any other backend. Its connections belong to the pool: they are closed when 256 other backends have
   * been used since, those in use as soon as they become idle, and the next request opens another.
   */
  passing(key: string, options: BackendOptions): Transport {
    const transport = () => this.#lasting.get(key) ?? this.#use(key, options);
    return {
      send: (request) => transport().send(request),
      upgrade: (request): UpgradeInFlight => transport().upgrade!(request),
      close() {},
    };
  }

  /** Closes idle connections, and those in use as soon as they become idle. What is sent later is kept open for nobody. */
  close(): void {
    this.#closed = true;
    for (const transport of this.#lasting.values()) transport.close();
    for (const key of this.#passing.keys()) this.#drop(key);
  }

  #use(key: string, options: BackendOptions): Transport {
    const known = this.#passing.use(key);
    if (known) return known;
    const made = this.#make(options);
    if (this.#closed) {
      made.close();
      return made;
    }
    this.#passing.set(key, made);
    if (this.#passing.size > MAX_PASSING) this.#drop(this.#passing.oldest!);
    return made;
  }

  #drop(key: string): void {
    this.#passing.get(key)!.close();
    this.#passing.delete(key);
  }
}
