import { HostError } from "../errors.ts";

/** Returns the error for a content that was cut short, with the reason. */
export function incomplete(reason: string, cause?: unknown): HostError {
  return new HostError("http-incomplete", `Cannot read on in a cached object: ${reason}`, {
    cause,
  });
}

/** Fails since the driver does not have the content any more. */
export function gone(cause?: unknown): never {
  throw incomplete("it has left the cache, and its driver cannot give it any more", cause);
}
