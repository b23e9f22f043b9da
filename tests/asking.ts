/**
 * Requests of tests, and the part of the response that they compare: its text, or its status and text.
 *
 * @module
 */
import type { Fastlike } from "../mod.ts";

type Program = Pick<Fastlike, "handler">;

/** Makes a request for a path of a program that has no address. */
export function requestTo(path: string, init?: RequestInit): Request {
  return new Request(`http://test.example${path}`, init);
}

/** Has a program answer a request; returns the text of its response. */
export async function textOf(app: Program, path: string, init?: RequestInit): Promise<string> {
  const [, text] = await answerOf(app, path, init);
  return text;
}

/** Has a program answer a request. */
export async function answerOf(
  app: Program,
  path = "/",
  init?: RequestInit,
): Promise<[status: number, text: string]> {
  const response = await app.handler(requestTo(path, init));
  return [response.status, await response.text()];
}

/** Requests a URL, which has half a minute to answer. */
export async function fetched(
  url: string,
  init?: RequestInit,
): Promise<[status: number, text: string]> {
  const response = await fetch(url, { signal: AbortSignal.timeout(30_000), ...init });
  return [response.status, await response.text()];
}

/** Requests a path of a server on this machine. */
export function fetchedFrom(
  { port }: { readonly port: number },
  path: string,
  init?: RequestInit,
): Promise<[status: number, text: string]> {
  return fetched(`http://127.0.0.1:${port}${path}`, init);
}
