import { HostError, SendError, type SendFailure } from "../service/errors.ts";
import type { Payload } from "../service/http/bytes.ts";
import { HeaderList } from "../service/http/headers.ts";
import { GuestResponse } from "./message.ts";

/** Response to a client, with its body. */
export interface DownstreamResponse {
  readonly response: GuestResponse;
  readonly body: Payload;
}

/** Response that a backend gives in the guest's place. */
export class DelegatedResponse {
  /** Whether the client still waits for the response. */
  wanted = true;
  /** Called when the response is cut. */
  onCut: (() => void) | undefined;
  /** Resolves when the response has been passed on, or the client's connection was taken over. */
  readonly done: Promise<void>;
  /** Resolves {@linkcode DelegatedResponse.done}. */
  readonly settle: () => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.done = promise;
    this.settle = resolve;
  }
}

const TIMEOUTS: ReadonlySet<SendFailure> = new Set([
  "dns_timeout",
  "connection_timeout",
  "http_response_timeout",
]);

/** Makes the head of a response in place of one that has failed. */
export function failure(status: number): GuestResponse {
  const response = new GuestResponse();
  response.status = status;
  response.headers = new HeaderList(["content-type", "text/plain; charset=utf-8"]);
  return response;
}

/** Returns a message as the body of such a response. */
export function textOf(message: string): Uint8Array {
  return new TextEncoder().encode(`${message}\n`);
}

/** Returns the status of a response in place of one that has failed: 502, or 504 after a timeout, for a send. */
export function statusOf(error: unknown): number {
  if (error instanceof SendError) return TIMEOUTS.has(error.failure) ? 504 : 502;
  return error instanceof HostError && error.kind === "unsupported" ? 501 : 500;
}
