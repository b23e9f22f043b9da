import type { Backend } from "../service/backends/backend.ts";
import { EMPTY } from "../service/http/bytes.ts";
import { refuse } from "../service/errors.ts";
import type { HeaderList } from "../service/http/headers.ts";
import type { Service } from "../service/service.ts";
import { asksForUpgrade, tunnel } from "../service/backends/upgrade.ts";
import { GuestRequest } from "./message.ts";
import type { DelegatedResponse, DownstreamResponse } from "./delegated_response.ts";
import type { DownstreamRequest } from "./downstream_request.ts";
import { replyOf, send, toSend } from "./send.ts";

/** Fields of the client's request that a guest cannot change, since the handshake would not fit the connection then. */
const PROTECTED = [
  "host",
  "connection",
  "sec-websocket-version",
  "sec-websocket-key",
  "upgrade",
  "content-length",
  "content-range",
  "expect",
  "fastly-ff",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "cdn-loop",
];

/** Status for the client when the backend does not answer, as from Viceroy. */
const HANDOFF_FAILED = 500;

/**
 * Delegates the response to a backend. It gets the request as the guest has changed it, with the content that the guest
 * has not read. A client that asks for an upgrade is connected to the backend if that accepts.
 *
 * @param changed Request of the guest; the client's request by default.
 * @param extra Fields to set in the request.
 */
export function handOff(
  service: Service,
  downstream: DownstreamRequest,
  backend: Backend,
  changed: GuestRequest | undefined,
  extra: Readonly<Record<string, string>> = {},
): void {
  const { exchange } = downstream;
  const request = combine(downstream, changed);
  for (const [name, value] of Object.entries(extra)) request.headers.set(name, value);
  if (asksForUpgrade(exchange.head.method, exchange.head.headers)) {
    downstream.answerLater(
      (delegated) => connect(service, downstream, request, backend, delegated),
      HANDOFF_FAILED,
    );
  } else {
    request.headers.delete("upgrade");
    const pending = send(service, request, downstream.takeBody(), backend, downstream.id);
    downstream.respondWith(pending, HANDOFF_FAILED);
  }
}

function combine(downstream: DownstreamRequest, changed: GuestRequest | undefined): GuestRequest {
  const request = new GuestRequest(downstream);
  if (!changed) return request;
  const original = request.headers;
  request.method = changed.method;
  request.url = changed.url;
  request.headers = changed.headers.copy();
  for (const name of PROTECTED) restore(request.headers, original, name);
  return request;
}

/** Restores the client's fields of a name, in the client's spelling. */
function restore(headers: HeaderList, original: HeaderList, name: string): void {
  const fields = [...original].filter(([key]) => key.toLowerCase() === name);
  if (fields.length) headers.set(fields[0]![0], ...fields.map(([, value]) => value));
  else headers.delete(name);
}

async function connect(
  service: Service,
  { exchange, id }: DownstreamRequest,
  request: GuestRequest,
  backend: Backend,
  delegated: DelegatedResponse,
): Promise<DownstreamResponse | undefined> {
  if (!exchange.takeOver) {
    refuse("unsupported", "Cannot hand the connection off: it came over a front without sockets");
  }
  const upgrading = backend.upgrade(toSend(service, request, EMPTY, id));
  delegated.onCut = () => upgrading.cancel();
  const answer = await upgrading.outcome;
  if (!("socket" in answer)) {
    const { response, body } = replyOf(answer, false);
    return { response, body: body.payload() };
  }
  const client = delegated.wanted ? exchange.takeOver(answer.head) : undefined;
  if (!client) return void answer.socket.destroy();
  service.keep(answer.socket);
  tunnel(client, answer.socket);
}
