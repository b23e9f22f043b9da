import type { Duplex } from "node:stream";
import type {
  BackendRequest,
  BackendResponse,
  UpgradedConnection,
  UpgradeInFlight,
} from "./transport.ts";
import { type Http1Origin, Http1Request } from "./http1_request.ts";
import type { HeaderList } from "../http/headers.ts";

/**
 * Whether a request asks to change protocols and waits for the response before it sends more, as a WebSocket's does
 * (RFC 9110, section 7.8). An offer of HTTP/2 (`h2c`) is ignored: its client goes on in HTTP/1.
 */
export function asksForUpgrade(method: string, headers: HeaderList): boolean {
  const protocol = headers.get("upgrade");
  const connection = headers.getAll("connection").join(",").split(",");
  return protocol !== undefined && protocol.trim().toLowerCase() !== "h2c" && method === "GET" &&
    connection.some((option) => option.trim().toLowerCase() === "upgrade") &&
    !headers.has("content-length") && !headers.has("transfer-encoding");
}

/** Sends a request to change protocols. */
export function sendUpgrade(request: BackendRequest, origin: Http1Origin): UpgradeInFlight {
  const { promise, resolve, reject } = Promise.withResolvers<
    UpgradedConnection | BackendResponse
  >();
  const inFlight = new Http1Request(request, origin, resolve);
  inFlight.response.then(resolve, reject);
  return { outcome: promise, cancel: () => inFlight.cancel() };
}

/** Pipes two connections that have changed protocols into each other, until both have ended or one has failed. */
export function tunnel(one: Duplex, other: Duplex): void {
  hold(one, other);
  hold(other, one);
  one.pipe(other);
  other.pipe(one);
}

/** Closes the second connection when the first is closed, once all that was written to it was sent. */
function hold(first: Duplex, second: Duplex): void {
  first.on("error", () => second.destroy());
  first.on("close", () => {
    if (!first.readableEnded || second.writableFinished) second.destroy();
    else second.once("finish", () => second.destroy());
  });
}
