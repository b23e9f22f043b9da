import type { BackendResponse } from "../service/backend.ts";
import type { Backend, GuestSend } from "../service/backends.ts";
import type { Payload } from "../service/bytes.ts";
import { gunzip } from "../service/gunzip.ts";
import type { HeaderList } from "../service/headers.ts";
import { LOOP_NAME, type Service } from "../service/service.ts";
import { Body } from "./body.ts";
import { type GuestRequest, GuestResponse } from "./message.ts";
import { PendingRequest, type Reply } from "./pending_request.ts";

/** Starts a request to a backend; it is under way when this returns. */
export function send(
  service: Service,
  request: GuestRequest,
  body: Payload,
  backend: Backend,
): PendingRequest {
  const { traffic } = backend;
  const sending = backend.send(toSend(service, request, body));
  traffic.requests++;
  let cancelled = false;
  const reply = sending.response.then(
    (response) => replyOf(response, request.gunzip),
    (error) => {
      if (!cancelled) traffic.failures++;
      throw error;
    },
  );
  return new PendingRequest(reply, () => {
    cancelled = true;
    sending.cancel();
  });
}

/** The request as a backend gets it, before the backend's own say. */
export function toSend(service: Service, request: GuestRequest, body: Payload): GuestSend {
  const { method, url, headers, framing } = request;
  return {
    method,
    url,
    headers: service.options.loopGuard ? marked(headers) : headers,
    framing,
    body,
  };
}

function marked(headers: HeaderList): HeaderList {
  const copy = headers.copy();
  copy.append("cdn-loop", LOOP_NAME);
  return copy;
}

/** A backend's response as the guest, or the client, gets it. */
export function replyOf(from: BackendResponse, decode: boolean): Reply {
  const response = new GuestResponse();
  response.status = from.status;
  response.version = from.version;
  response.headers = from.headers;
  response.peer = from.peer;
  const coding = decode ? from.headers.get("content-encoding")?.toLowerCase() : undefined;
  if (coding !== "gzip" && coding !== "x-gzip") return { response, body: Body.of(from.body) };
  response.headers = from.headers.copy();
  response.headers.delete("content-encoding");
  response.headers.delete("content-length");
  return { response, body: Body.of(gunzip(from.body)) };
}
