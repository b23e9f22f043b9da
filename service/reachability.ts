import type { BackendDefinition } from "./backend.ts";
import { type Connector, connectorOf } from "./connector.ts";
import { toSendError } from "./send_errors.ts";

/** How long a backend may take to accept a connection, in milliseconds. */
const PATIENCE_MS = 1000;

/**
 * Tries to connect to each backend that has a URL, all at once, and sends nothing: an origin may count requests.
 *
 * @returns A line for each that cannot be reached, in the order of the names.
 */
export async function findUnreachable(
  backends: Readonly<Record<string, BackendDefinition>>,
): Promise<string[]> {
  const lines = Object.entries(backends).map(async ([name, definition]) => {
    if (typeof definition === "function") return [];
    const options = typeof definition === "string" ? { url: definition } : definition;
    if (!URL.canParse(options.url)) return [];
    const failure = await tryToConnect(connectorOf(options));
    return failure === undefined ? [] : [`Backend "${name}" is down: ${failure}`];
  });
  return (await Promise.all(lines)).flat();
}

/** Resolves to what is wrong, or nothing. */
async function tryToConnect(connector: Connector): Promise<string | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connector.openTcp();
  const late = Object.assign(new Error("late"), { code: "ETIMEDOUT" });
  const timer = setTimeout(() => reject(late), PATIENCE_MS);
  socket.on("connect", resolve);
  socket.on("error", reject);
  try {
    await promise;
    return undefined;
  } catch (error) {
    const { message } = toSendError(error, connector.name);
    return message.replace(/^Cannot/, "cannot");
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}
