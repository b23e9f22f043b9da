import { isLoopback } from "../util/address.ts";
import type { ClientFacts } from "../client/client_facts.ts";

/** How much of a fault its client is told: all of it, or the id under which the log has it. */
export type ErrorDetails = "details" | "brief";
/** Every one of {@linkcode ErrorDetails}. */
export const ERROR_DETAILS: readonly ErrorDetails[] = ["details", "brief"];

/** What decides for whom there are details. */
export interface ErrorOptions {
  readonly errors?: ErrorDetails;
  readonly trustProxy?: readonly string[];
}

const REASONS: Readonly<Record<number, string>> = {
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/**
 * Whether a client is told why its request has failed. Without the option `errors` a client on a loopback address is,
 * unless proxies are trusted: then the service is not one that somebody develops.
 */
export function tellsDetails(
  { errors, trustProxy }: ErrorOptions,
  { address }: Pick<ClientFacts, "address">,
): boolean {
  if (errors) return errors === "details";
  return !trustProxy?.length && isLoopback(address);
}

/** A fault in one line that tells nothing of the program: the status in words, and the request's id in the log. */
export function briefText(status: number, requestId: string): string {
  return `${REASONS[status] ?? "Error"}: the log has more on request ${requestId}`;
}
