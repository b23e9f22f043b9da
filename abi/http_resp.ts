/**
 * `fastly_http_resp`: responses, and sending them to the client.
 *
 * @module
 */
import { Body } from "../handles/body.ts";
import { GuestResponse } from "../handles/message.ts";
import { PendingRequest } from "../handles/pending_request.ts";
import { refuse } from "../service/errors.ts";
import { call, type Namespace, namespace } from "./_define.ts";
import { messageCalls } from "./_headers.ts";
import { oneOf, ref, take, u32 } from "./_in.ts";
import * as out from "./_out.ts";

const EARLY_HINTS = 103;

export const httpResp: Namespace = namespace("fastly_http_resp", {
  ...messageCalls(GuestResponse),
  new: call([], out.put(GuestResponse), () => new GuestResponse()),
  status_get: call([ref(GuestResponse)], out.u16, (_, { status }) => status),
  status_set: call([ref(GuestResponse), u32], out.none, (_, response, status) => {
    if (status < 100 || status > 999) refuse("invalid", `Cannot use ${status} as a status`);
    response.status = status;
  }),

  /**
   * Responds to the client. Both handles are consumed, but with `streaming` 1 the body's handle stays and becomes the write
   * end. A response with status 103 is sent as an early hint, any number of times; its handles stay, since the Go SDK
   * goes on using them.
   */
  send_downstream: call(
    [u32, u32, u32],
    out.none,
    (sandbox, responseHandle, bodyHandle, streaming) => {
      const { handles } = sandbox;
      const response = handles.get(GuestResponse, responseHandle);
      if (response.status === EARLY_HINTS) {
        handles.get(Body, bodyHandle);
        return sandbox.requests.current.inform(response);
      }
      handles.take(GuestResponse, responseHandle);
      const streams = streaming === 1;
      const body = streams ? handles.get(Body, bodyHandle) : Body.take(handles, bodyHandle);
      if (!streams && (response.status < 200 || sandbox.requests.current.responded)) body.drop();
      if (response.status < 200) {
        refuse(
          "invalid",
          `Cannot respond with status ${response.status}: of 1xx only 103 can be sent`,
        );
      }
      sandbox.requests.current.respond(response, () => streams ? body.stream() : body.payload());
    },
  ),
  /** Sends an informational response with a status of its own. Only in the ABI of the Go host; no SDK calls it. */
  send_informational_response: call(
    [ref(GuestResponse), u32],
    out.none,
    ({ requests: { current } }, { headers }, status) => {
      if (status < 102 || status > 199) {
        refuse("invalid", `Cannot send status ${status} ahead of a response`);
      }
      current.inform(Object.assign(new GuestResponse(), { status, headers }));
    },
  ),

  /** Delegates the response to a pending request, without waiting for it. */
  send_downstream_pending: call(
    [take(PendingRequest)],
    out.none,
    ({ requests: { current } }, pending) => {
      if (current.responded) pending.drop();
      current.respondWith(pending);
    },
  ),
  http_keepalive_mode_set: call(
    [ref(GuestResponse), oneOf("automatic", "no-keepalive")],
    out.none,
    (_, response, mode) => void (response.keepAlive = mode === "automatic"),
  ),

  /** Returns the address of the backend that a response came from; absent if it did not come over a socket. */
  get_addr_dest_ip: call(
    [ref(GuestResponse)],
    out.known(out.address),
    (_, { peer }) => peer?.address,
  ),
  get_addr_dest_port: call([ref(GuestResponse)], out.known(out.u16), (_, { peer }) => peer?.port),
});
