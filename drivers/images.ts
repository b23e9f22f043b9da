/**
 * Transforms images as Fastly's Image Optimizer does: sizes, crops, orientations, colours, formats. The codec is sharp, a
 * native library (`--allow-ffi`, `--allow-read`, `--allow-env`, `--allow-sys`), which is loaded with the first image.
 *
 * ```ts
 * const app = await Fastlike.load(wasm, { imageOptimizer: imageOptimizer() });
 * ```
 *
 * @module
 */
import type { ImageOptimizer } from "../service/backends/image_optimizer.ts";
import { isUnwritable, negotiates } from "./images/encoding.ts";
import { ImageError } from "./images/error.ts";
import { readParameters, type RequestedImage } from "./images/parameters.ts";
import { open, render, type Rendered, type SourceImage } from "./images/render.ts";
import { CODEC, type Codec } from "./images/sharp.ts";
import { Semaphore } from "./images/semaphore.ts";
import { loadPackage } from "./package.ts";
import { messageOf } from "../service/errors.ts";

/** Maximum size of a source, in bytes. */
const MAX_BYTES = 50_000_000;
/** Maximum number of sources in memory at the same time. */
const MAX_READ = 32;
/** Maximum number of requests that wait for others. */
const MAX_WAITING = 100;

/** Options of {@linkcode imageOptimizer}. */
export interface ImageOptimizerOptions {
  /** Called with a message when the codec has to be downloaded for the first image. By default the message is dropped. */
  readonly tell?: (line: string) => void;
}

/**
 * Makes an image optimizer, for `ServiceOptions.imageOptimizer`. It need not be closed. Images are transformed on threads
 * of the codec, as many at a time as the machine has processors; an aborted request leaves the queue.
 *
 * A response of the origin that is not a 200 with an image is passed on unchanged. An error is a response with the field
 * `fastly-io-error`: 400 for parameters, 413 for images of more than 50 MB or 100 megapixels, 415 for malformed images,
 * and 503 when more than a hundred requests wait.
 */
export function imageOptimizer({ tell }: ImageOptimizerOptions = {}): ImageOptimizer {
  const reading = new Semaphore(MAX_READ, MAX_WAITING);
  const working = new Semaphore(navigator.hardwareConcurrency, Infinity);
  let codec: Promise<Codec> | undefined;
  const load = () =>
    codec ??= loadCodec(tell).catch((error) => {
      codec = undefined; // the next image tries again
      throw error;
    });
  return async (request, { query, fetchImage }) => {
    if (request.method !== "GET") return await fetchImage();
    const requested = readParameters(request.url, query);
    if (requested.faults.length && !requested.lenient) {
      return refusal(400, requested.faults.join(", "));
    }
    const sharp = await load();
    const response = await fetchImage(requested.origin);
    if (response.status !== 200 || !response.body || !mayBeImage(response)) return response;
    const { signal } = request;
    try {
      using _place = await reading.take(signal).catch((error) => cancelled(response, error));
      const bytes = await readAll(response, signal);
      using _slot = await working.take(signal);
      return await transformed(
        sharp,
        bytes,
        response,
        requested,
        request.headers.get("accept") ?? "",
      );
    } catch (error) {
      if (error instanceof ImageError) return refusal(error.status, error.message);
      throw error;
    }
  };
}

async function loadCodec(tell?: (line: string) => void): Promise<Codec> {
  try {
    const { default: sharp } = await loadPackage<{ default: Codec }>(CODEC, {
      use: "images",
      tell,
    });
    return sharp;
  } catch (cause) {
    const reason = messageOf(cause);
    throw new Error(`Cannot load the image codec: ${reason} (it needs -A)`, { cause });
  }
}

/** Whether a response may be an image: by its type, or if the type is missing or stands for any bytes. */
function mayBeImage({ headers }: Response): boolean {
  const type = headers.get("content-type");
  return type === null || /^(image\/|(application|binary)\/octet-stream)/i.test(type);
}

function cancelled({ body }: Response, error: unknown): never {
  body?.cancel(error).catch(() => {});
  throw error;
}

async function readAll(response: Response, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = new ImageError(413, `The image has more than ${MAX_BYTES} bytes`);
  if (Number(response.headers.get("content-length")) > MAX_BYTES) cancelled(response, tooLarge);
  const reader = response.body!.getReader();
  const leave = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", leave);
  try {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    for (let read; !(read = await reader.read()).done;) {
      length += read.value.length;
      if (length > MAX_BYTES) {
        reader.cancel(tooLarge).catch(() => {});
        throw tooLarge;
      }
      chunks.push(read.value);
    }
    signal.throwIfAborted(); // a body that ends after the abort is incomplete
    return new Uint8Array(await new Blob(chunks).arrayBuffer());
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

async function transformed(
  sharp: Codec,
  bytes: Uint8Array<ArrayBuffer>,
  response: Response,
  requested: RequestedImage,
  accept: string,
): Promise<Response> {
  const source = await open(sharp, bytes);
  if (!source && response.headers.get("content-type")?.startsWith("image/")) {
    throw new ImageError(415, "Cannot read the image");
  }
  // Vector graphics are passed on: they have no pixels.
  if (!source || source.metadata.format === "svg") return new Response(bytes, response);
  const image = await render(sharp, source, requested.parameters, accept);
  return new Response(image.bytes, {
    headers: headersOf(response.headers, requested, source, image),
  });
}

/** Fields that describe the bytes of the source, and are wrong for the result. */
const OF_THE_BYTES =
  "accept-ranges content-digest content-encoding content-length content-md5 digest etag repr-digest"
    .split(" ");

function headersOf(
  origin: Headers,
  { parameters, warnings, faults }: RequestedImage,
  source: SourceImage,
  image: Rendered,
): Headers {
  const headers = new Headers(origin);
  for (const name of OF_THE_BYTES) headers.delete(name);
  const etag = origin.get("etag");
  if (etag) headers.set("etag", etag.replace(/^(?!W\/)/, "W/"));
  headers.set("content-type", `image/${image.format}`);
  headers.set("content-length", String(image.bytes.length));
  headers.set("fastly-io-info", infoOf(source, image));
  const told = isUnwritable(parameters)
    ? [...warnings, `Format "${parameters.format}" is not supported here`]
    : warnings;
  if (told.length) headers.set("fastly-io-warning", told.join(", "));
  if (faults.length) headers.set("fastly-io-compute-warnings", faults.join(", "));
  if (negotiates(parameters)) headers.append("vary", "accept");
  return headers;
}

function infoOf({ bytes, width, height, metadata }: SourceImage, image: Rendered): string {
  const format = metadata.format === "heif" ? "avif" : metadata.format;
  return `ifsz=${bytes.length} idim=${width}x${height} ifmt=${format} ` +
    `ofsz=${image.bytes.length} odim=${image.width}x${image.height} ofmt=${image.format}`;
}

function refusal(status: number, reason: string): Response {
  return new Response(`${reason}\n`, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", "fastly-io-error": reason },
  });
}
