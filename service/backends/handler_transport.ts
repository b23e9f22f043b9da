import type { BackendHandler } from "./definition.ts";
import type { BackendRequest, BackendResponse, RequestInFlight, Transport } from "./transport.ts";
import { EMPTY, fromReadable, isWhole, type Payload, toReadable } from "../http/bytes.ts";
import { messageOf, SendError } from "../errors.ts";
import { HttpVersion } from "../http/exchange.ts";
import { declaredLength } from "../http/framing.ts";
import { headError, type HeadLimits } from "../http/head_limits.ts";
import { HeaderList } from "../http/headers.ts";

/**
 * Makes a transport to a handler in the same process. The body of a GET or HEAD is left out, since a `Request` cannot have
 * one.
 *
 * @param report Called with the handler's error; the guest gets a failed send.
 */
export function handlerTransport(
  handler: BackendHandler,
  report: (error: unknown, requestId?: string) => void,
): Transport {
  return {
    send(request) {
      const abort = new AbortController();
      return inFlight(answer(handler, request, abort.signal, report), abort);
    },
    close() {},
  };
}

function inFlight(answer: Promise<BackendResponse>, abort: AbortController): RequestInFlight {
  const cancelled = Promise.withResolvers<never>();
  const response = Promise.race([answer, cancelled.promise]);
  response.catch(() => {}); // after `cancel` the rejection may have no handler
  answer.then(({ body }) => {
    if (abort.signal.aborted && !isWhole(body)) body.cancel(abort.signal.reason);
  }, () => {});
  return {
    response,
    cancel() {
      const error = failure("connection_terminated", "the request was cancelled");
      cancelled.reject(error);
      abort.abort(error);
    },
  };
}

async function answer(
  handler: BackendHandler,
  request: BackendRequest,
  signal: AbortSignal,
  report: (error: unknown, requestId?: string) => void,
): Promise<BackendResponse> {
  const { body } = request;
  const stop = () => isWhole(body) || body.cancel(signal.reason);
  let response: unknown;
  try {
    const web = toRequest(request, signal);
    if (web.body) signal.addEventListener("abort", stop);
    else stop();
    // The handler, which may run another guest, starts when the guest that sends waits.
    await undefined;
    signal.throwIfAborted();
    response = await handler(web);
  } catch (error) {
    stop();
    if (error instanceof SendError) throw error;
    if (!signal.aborted) report(error, request.requestId);
    const message = messageOf(error);
    throw Object.assign(failure("internal_error", message, error), { told: true });
  }
  return fromResponse(response, request.limits);
}

function toRequest({ method, url, headers, body }: BackendRequest, signal: AbortSignal): Request {
  if (/^(CONNECT|TRACE|TRACK)$/i.test(method)) {
    throw failure("http_protocol_error", `a handler cannot be sent the method ${method}`);
  }
  const bodiless = /^(GET|HEAD)$/i.test(method) || body.length === 0;
  try {
    return new Request(url, {
      method,
      headers: [...headers],
      signal,
      body: bodiless ? null : toBody(body),
      ...(isWhole(body) ? {} : { duplex: "half" }),
    });
  } catch (error) {
    const message = messageOf(error);
    throw failure("http_request_uri_invalid", message, error);
  }
}

function toBody(body: Payload): BodyInit {
  return isWhole(body) ? body as Uint8Array<ArrayBuffer> : toReadable(body);
}

function fromResponse(response: unknown, limits: HeadLimits): BackendResponse {
  if (!(response instanceof Response)) {
    throw failure("internal_error", "it answered with something that is not a Response");
  }
  if (response.status === 0) throw failure("connection_terminated", "it answered with an error");
  if (response.bodyUsed || response.body?.locked) {
    throw failure("internal_error", "the body of its Response has been read already");
  }
  const headers = new HeaderList();
  for (const [name, value] of response.headers) headers.append(name, value);
  const error = headError(headers, limits, "the backend handler");
  if (error) {
    response.body?.cancel(error).catch(() => {});
    throw error;
  }
  return {
    status: response.status,
    version: HttpVersion.http11,
    headers,
    body: response.body ? fromReadable(response.body, declared(headers)) : EMPTY,
    peer: undefined,
  };
}

/** Returns the length that the handler declares; not with a content coding, which `fetch` may have decoded. */
function declared(headers: HeaderList): number | undefined {
  return headers.has("content-encoding") ? undefined : declaredLength(headers);
}

function failure(
  kind:
    | "connection_terminated"
    | "internal_error"
    | "http_protocol_error"
    | "http_request_uri_invalid",
  state: string,
  cause?: unknown,
): SendError {
  const message = `Cannot get a response from the backend handler: ${state}`;
  return new SendError(kind, message, { cause });
}
