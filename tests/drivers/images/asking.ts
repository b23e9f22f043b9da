import { imageOptimizer } from "../../../drivers/images.ts";
import { assertEquals } from "../../assert.ts";
import { decoded, type Picture } from "./pictures.ts";

/** Parameters and fields of a request. */
interface Ask {
  readonly url?: string;
  readonly accept?: string;
  readonly method?: string;
  readonly signal?: AbortSignal;
}

/** One for all tests. */
export const optimizer = imageOptimizer();

/** Requests a source with these parameters. */
export async function ask(
  source: BodyInit | Response,
  query: string,
  { url = "http://origin.test/a", accept, ...init }: Ask = {},
): Promise<Response> {
  const headers = accept === undefined ? undefined : { accept };
  return await optimizer(new Request(url, { ...init, ...headers && { headers } }), {
    query,
    backend: "origin",
    fetchImage: () => Promise.resolve(source instanceof Response ? source : image(source)),
  });
}

/** A response with an image. */
export function image(body: BodyInit, headers: Record<string, string> = {}): Response {
  return new Response(body, { headers: { "content-type": "image/png", ...headers } });
}

/** The picture of a response that must be one. */
export async function shown(response: Response): Promise<Picture & { format: string }> {
  assertEquals(response.headers.get("fastly-io-error"), null);
  assertEquals(response.status, 200);
  const bytes = new Uint8Array(await response.arrayBuffer());
  assertEquals(response.headers.get("content-length"), String(bytes.length));
  return await decoded(bytes);
}
