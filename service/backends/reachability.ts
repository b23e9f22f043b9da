import type { Socket } from "node:net";
import type { BackendDefinition } from "./definition.ts";
import { loadSecureBuiltins } from "../util/builtins.ts";
import { type Connector, connectorOf } from "./connector.ts";
import { SendError } from "../errors.ts";
import { toSendError } from "./send_errors.ts";
import { adviceFor } from "./failure_advice.ts";
import { StallClock } from "../util/stall_clock.ts";
import { trusting } from "./tls.ts";

/** Default time limit on a connection, TLS handshake included, in milliseconds. */
const PATIENCE_MS = 1000;

/**
 * Tries to connect to each backend that has a URL, concurrently, with TLS for `https:`. Sends no request, since an origin
 * may count requests.
 *
 * @param ca Certificates in PEM to trust for backends without their own; by default the system's.
 * @param patience Time limit on each connection, in milliseconds. By default 1,000.
 * @returns A line for each backend that cannot be reached, in the order of the names.
 */
export async function findUnreachable(
  backends: Readonly<Record<string, BackendDefinition>>,
  ca?: string,
  patience: number = PATIENCE_MS,
): Promise<string[]> {
  const lines = Object.entries(backends).map(async ([name, definition]) => {
    if (typeof definition === "function") return [];
    const options = typeof definition === "string" ? { url: definition } : definition;
    if (!URL.canParse(options.url)) return [];
    const connector = connectorOf(trusting(options, ca));
    const failure = await tryToConnect(connector, patience, options.grpc ? ["h2"] : undefined);
    if (!failure) return [];
    const advice = adviceFor(failure, connector.secure);
    const message = failure.message.replace(/^Cannot/, "cannot") + (advice ? `; ${advice}` : "");
    return [`Requests to backend "${name}" will fail: ${message}`];
  });
  return (await Promise.all(lines)).flat();
}

/** Resolves to the error of the connection; undefined if there is none. */
async function tryToConnect(
  connector: Connector,
  patience: number,
  protocols: readonly string[] | undefined,
): Promise<SendError | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const expire = () => {
    const message = `Cannot connect to ${connector.name}: the connection did not stand within ` +
      `${patience} ms`;
    reject(new SendError("connection_timeout", message));
  };
  const stopTimer = new StallClock().after(patience, expire);
  let socket: Socket | undefined;
  try {
    if (connector.secure) await loadSecureBuiltins();
    socket = connector.open(protocols);
    socket.on(connector.secure ? "secureConnect" : "connect", resolve);
    socket.on("error", reject);
    await promise;
    return undefined;
  } catch (error) {
    return toSendError(error, connector.name);
  } finally {
    stopTimer();
    socket?.destroy();
  }
}
