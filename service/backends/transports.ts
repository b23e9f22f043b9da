import { RecencyMap } from "../util/recency_map.ts";
import type { BackendOptions } from "./definition.ts";
import type { Transport } from "./transport.ts";

/** Maximum number of transports of dynamic backends. */
const MAX_DYNAMIC = 256;

/**
 * Transports of a service's backends, by the JSON of the backend's options: backends with the same options share
 * connections. Transports of backends that the service defines exist until the service closes. Guests define the others,
 * of which only the most recently used are kept.
 */
export class Transports {
  readonly #make: (options: BackendOptions) => Transport;
  readonly #lasting = new Map<string, Transport>();
  readonly #dynamic = new RecencyMap<string, Transport>();
  #closed = false;

  /** @param make Makes a transport; for a dynamic backend not before its first request. */
  constructor(make: (options: BackendOptions) => Transport) {
    this.#make = make;
  }

  /** Returns the transport of a backend that the service defines. */
  lasting(key: string, options: BackendOptions): Transport {
    const known = this.#lasting.get(key);
    if (known) return known;
    const made = this.#make(options);
    this.#lasting.set(key, made);
    return made;
  }

  /**
   * Returns the transport of a dynamic backend. Once 256 others have been used since its last request, its connections
   * are closed (those in use as soon as they become idle); its next request opens a new one.
   */
  dynamic(key: string, options: BackendOptions): Transport {
    const transport = () => this.#lasting.get(key) ?? this.#use(key, options);
    return {
      send: (request) => transport().send(request),
      upgrade: (request) => transport().upgrade!(request),
      close() {},
    };
  }

  /**
   * Closes idle connections, and those in use as soon as they become idle. Later requests get connections that are not
   * kept.
   */
  close(): void {
    this.#closed = true;
    for (const transport of this.#lasting.values()) transport.close();
    for (const key of this.#dynamic.keys()) this.#drop(key);
  }

  #use(key: string, options: BackendOptions): Transport {
    const known = this.#dynamic.use(key);
    if (known) return known;
    const made = this.#make(options);
    if (this.#closed) {
      made.close();
      return made;
    }
    this.#dynamic.set(key, made);
    if (this.#dynamic.size > MAX_DYNAMIC) this.#drop(this.#dynamic.oldest!);
    return made;
  }

  #drop(key: string): void {
    this.#dynamic.get(key)!.close();
    this.#dynamic.delete(key);
  }
}
