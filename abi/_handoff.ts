/**
 * Hostcalls that hand a request off to a backend, which may upgrade the connection, or to Pushpin for Fanout. A handoff
 * counts as the response.
 *
 * @module
 */
import { handOff } from "../handles/handoff.ts";
import { GuestRequest } from "../handles/message.ts";
import type { Sandbox } from "../handles/sandbox.ts";
import { refuse } from "../service/errors.ts";
import { checkValue } from "../service/http/headers.ts";
import { call, type Hostcall } from "./_define.ts";
import { ref, text } from "./_in.ts";
import * as out from "./_out.ts";

type HandOff = (sandbox: Sandbox, name: string, changed?: GuestRequest) => void;

const toBackend: HandOff = (sandbox, name, changed) => {
  const { service, requests: { current } } = sandbox;
  checkUnanswered(sandbox);
  if (service.options.websockets === false) {
    notEnabled(sandbox, "WebSocket passthrough", "websockets");
  }
  const backend = sandbox.findBackend(name);
  if (!backend) {
    sandbox.reportMissingBackend(name, current.exchange.head);
    refuse("invalid", `Cannot hand the request off: no backend is named "${name}"`);
  }
  sandbox.requests.quota.countBackendRequest();
  handOff(service, current, backend, changed);
};

/** Hands the request off to Pushpin. The name is that of a route of Pushpin, and need not be a backend. */
const toPushpin: HandOff = (sandbox, name, changed) => {
  const { service, requests: { current } } = sandbox;
  checkUnanswered(sandbox);
  const { pushpin } = service.options;
  if (!pushpin) notEnabled(sandbox, "Fanout", "pushpin");
  const { host = "127.0.0.1", port } = pushpin;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const backend = service.backends.make("pushpin", { url, http2: false });
  const route = checkValue(name);
  sandbox.requests.quota.countBackendRequest();
  handOff(service, current, backend, changed, { "pushpin-route": route });
};

/** Hostcalls of both kinds: for the unchanged request of the client, and for the guest's version of it (`_v2`). */
export const handoffCalls: Readonly<Record<string, Hostcall>> = {
  upgrade_websocket: asItCame(toBackend),
  redirect_to_websocket_proxy: asItCame(toBackend),
  redirect_to_websocket_proxy_v2: asChanged(toBackend),
  redirect_to_grip_proxy: asItCame(toPushpin),
  redirect_to_grip_proxy_v2: asChanged(toPushpin),
};

function asItCame(handOff: HandOff): Hostcall {
  return call([text], out.none, handOff);
}

function asChanged(handOff: HandOff): Hostcall {
  return call(
    [ref(GuestRequest), text],
    out.none,
    (sandbox, request, name) => handOff(sandbox, name, request),
  );
}

function checkUnanswered({ requests: { current } }: Sandbox): void {
  if (current.responded) refuse("failed", "Cannot hand a request off that has been answered");
}

function notEnabled(
  { service, requests: { current } }: Sandbox,
  feature: string,
  option: string,
): never {
  const message = `${feature} is not enabled: see the option "${option}"`;
  service.report("error", message, current.id);
  refuse("unsupported", `Cannot hand the request off: ${message}`);
}
