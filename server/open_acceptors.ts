import type { Socket } from "node:net";
import { Acceptor, type Opening } from "./acceptor.ts";

/** Maximum number of attempts to find a port that is free on both addresses of localhost. */
const PORT_ATTEMPTS = 10;

const NO_SUCH_ADDRESS: ReadonlySet<string | undefined> = new Set([
  "EADDRNOTAVAIL",
  "EAFNOSUPPORT",
  "EINVAL", // Deno's code for the first
]);

type Accept = (socket: Socket) => void;

/**
 * Listens on a name or an address. `localhost` means 127.0.0.1 and ::1, if this machine has both; an empty text means all
 * addresses.
 *
 * @throws {Error} Node's error; its `code` is `EADDRINUSE` for a port that is in use.
 */
export async function openAcceptors(
  hostname: string,
  port: number,
  accept: Accept,
  opening?: Opening,
): Promise<Acceptor[]> {
  if (hostname === "") return [await openEither("::", "0.0.0.0", port, accept, opening)];
  if (hostname !== "localhost") return [await Acceptor.open(hostname, port, accept, opening)];
  for (let attempt = 1;; attempt++) {
    const first = await openEither("127.0.0.1", "::1", port, accept, opening);
    if (first.address !== "127.0.0.1") return [first];
    try {
      return [first, await Acceptor.open("::1", first.port, accept, opening)];
    } catch (error) {
      if (codeOf(error) !== "EADDRINUSE") return [first];
      first.close();
      if (port !== 0 || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

/** Listens on the first address, or on the second if this machine does not have the first. */
async function openEither(
  one: string,
  other: string,
  port: number,
  accept: Accept,
  opening?: Opening,
): Promise<Acceptor> {
  try {
    return await Acceptor.open(one, port, accept, opening);
  } catch (error) {
    if (!NO_SUCH_ADDRESS.has(codeOf(error))) throw error;
    return await Acceptor.open(other, port, accept, opening);
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}
