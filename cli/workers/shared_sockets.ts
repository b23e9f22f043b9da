import { isIPv6 } from "node:net";
import { bindSocket } from "../../service/util/node_internals.ts";

/** Sockets that all workers accept from. Each is bound when the first worker asks for it, and closes with the process. */
export class SharedSockets {
  readonly #sockets = new Map<string, object>();

  /**
   * Returns a bound socket, the same for every worker.
   *
   * @param index Number of sockets of this address and port that the worker has asked for before: port 0 is another
   *   port each time.
   * @throws {Error} Node's error; its `code` is `EADDRINUSE` for a port that is in use.
   */
  bind(address: string, port: number, index: number): object {
    const name = `${address} ${port} ${port === 0 ? index : 0}`;
    const known = this.#sockets.get(name);
    if (known) return known;
    const handle = bindSocket(address, port, isIPv6(address) ? 6 : 4);
    this.#sockets.set(name, handle);
    return handle;
  }
}
