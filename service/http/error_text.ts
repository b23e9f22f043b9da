import { isLoopback } from "../util/address.ts";
import type { ClientFacts } from "../client/client_facts.ts";

/** Content of an error response: the error (`details`), or only the id of the request in the log (`brief`). */
export type ErrorDetails = "details" | "brief";
/** Every one of {@linkcode ErrorDetails}. */
export const ERROR_DETAILS: readonly ErrorDetails[] = ["details", "brief"];

/** Options that decide which clients get details. */
interface ErrorOptions {
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
 * Whether a client gets the details of an error. Without the option `errors` a client on a loopback address does, unless
 * proxies are trusted: a service behind proxies is not under development.
 */
export function tellsDetails(
  { errors, trustProxy }: ErrorOptions,
  { address }: Pick<ClientFacts, "address">,
): boolean {
  if (errors) return errors === "details";
  return !trustProxy?.length && isLoopback(address);
}

/** Returns an error in one line without details of the program: the status in words, and the request's id in the log. */
export function briefText(status: number, requestId: string): string {
  return `${REASONS[status] ?? "Error"}: the log has more on request ${requestId}`;
}
