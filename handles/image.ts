import type { Backend } from "../service/backends/backend.ts";
import { EMPTY, isWhole, type Payload, toReadable } from "../service/http/bytes.ts";
import { describe, refuse, SendError } from "../service/errors.ts";
import type { ImageOptimizer } from "../service/backends/image_optimizer.ts";
import type { Service } from "../service/service.ts";
import { BODILESS } from "../service/http/web_exchange.ts";
import { GuestRequest } from "./message.ts";
import type { PendingRequest, Reply } from "./pending_request.ts";
import type { Sandbox } from "./sandbox.ts";
import { send } from "./send.ts";

/** Name of the backend that the optimizer is called through, in messages. */
const NAME = "image-optimizer";

/**
 * Starts a request to the service's image optimizer. Refused as `unsupported` if the service has none, and as `invalid`
 * if there is no such backend.
 *
 * @param name Name of the backend with the image.
 * @param query Parameters of the Image Optimizer, as a query.
 */
export function optimize(
  sandbox: Sandbox,
  request: GuestRequest,
  body: Payload,
  name: string,
  query: string,
): PendingRequest {
  const { service, requests: { current: { id } } } = sandbox;
  const optimizer = service.options.imageOptimizer ??
    refuse("unsupported", "Cannot transform an image: the service has no image optimizer");
  const backend = sandbox.findBackend(name);
  if (!backend) {
    sandbox.reportMissingBackend(name, request);
    refuse("invalid", `Cannot transform an image: no backend is named "${name}"`);
  }
  sandbox.requests.quota.countBackendRequest();
  const handler = service.backends.make(NAME, async (web) => {
    const fetchImage = (url = request.url) =>
      fetchFrom(service, requestOf(request, url), backend, web.signal, id);
    return await told({ service, id }, optimizer, web, { query, backend: name, fetchImage });
  });
  return send(service, request, body, handler, id);
}

/**
 * Calls the optimizer, and logs an error that it throws.
 *
 * @param origin Service whose log is used, and the id of the client's request.
 */
async function told(
  { service, id }: { readonly service: Service; readonly id: string },
  optimizer: ImageOptimizer,
  ...[request, options]: Parameters<ImageOptimizer>
): Promise<Response> {
  try {
    return await optimizer(request, options);
  } catch (error) {
    if (!request.signal.aborted) {
      service.report("error", `The image optimizer failed: ${describe(error)}`, id);
    }
    const failure = new SendError("internal_error", "Cannot transform the image", { cause: error });
    throw Object.assign(failure, { told: true });
  }
}

/** Fields that ask for something other than the whole image, or for another coding of it. */
const PARTIAL = ["range", "if-range", "accept-encoding"];

function requestOf(request: GuestRequest, url: string): GuestRequest {
  const headers = request.headers.copy();
  for (const name of PARTIAL) headers.delete(name);
  return Object.assign(new GuestRequest(request.clientRequest), request, { url, headers });
}

async function fetchFrom(
  service: Service,
  request: GuestRequest,
  backend: Backend,
  signal: AbortSignal,
  requestId: string,
): Promise<Response> {
  signal.throwIfAborted();
  const pending = send(service, request, EMPTY, backend, requestId);
  const cancel = () => pending.drop();
  signal.addEventListener("abort", cancel);
  try {
    return toResponse(await pending.reply());
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

function toResponse({ response: { status, headers }, body }: Reply): Response {
  const payload = body.payload();
  const bodiless = BODILESS.has(status);
  if (bodiless && !isWhole(payload)) payload.cancel();
  return new Response(
    bodiless ? null : isWhole(payload) ? payload as Uint8Array<ArrayBuffer> : toReadable(payload),
    { status, headers: [...headers] },
  );
}
