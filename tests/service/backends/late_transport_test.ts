import { onceLoaded } from "../../../service/backends/late_transport.ts";
import type { BackendRequest, BackendResponse } from "../../../service/backends/transport.ts";
import { assert, assertEquals } from "../../assert.ts";

/** A transport that notes its calls, and answers with the request. */
function noting() {
  const calls: string[] = [];
  const begin = (call: string, request: BackendRequest) => {
    calls.push(`${call} ${request.method}`);
    const cancel = () => void calls.push(`cancel ${request.method}`);
    return { answer: Promise.resolve(request as unknown as BackendResponse), cancel };
  };
  const transport = onceLoaded({
    send(request) {
      const { answer, cancel } = begin("send", request);
      return { response: answer, cancel };
    },
    upgrade(request) {
      const { answer, cancel } = begin("upgrade", request);
      return { outcome: answer, cancel };
    },
    close: () => void calls.push("close"),
  });
  return { calls, transport };
}

const request = (method: string) => ({ method }) as BackendRequest;

Deno.test("requests before TLS and HTTP/2 are loaded are sent then, in order, and cancelled if they were; later ones at once", async () => {
  const { calls, transport } = noting();
  const one = transport.send(request("ONE"));
  const two = transport.send(request("TWO"));
  const three = transport.upgrade(request("THREE"));
  two.cancel();
  assertEquals(calls, []);
  const answers = await Promise.all([one.response, two.response, three.outcome]);
  assertEquals(answers as unknown, [request("ONE"), request("TWO"), request("THREE")]);
  assertEquals(calls.splice(0), ["send ONE", "send TWO", "cancel TWO", "upgrade THREE"]);
  one.cancel();
  transport.send(request("FOUR"));
  assert(transport.upgrade(request("FIVE")));
  assertEquals(calls, ["cancel ONE", "send FOUR", "upgrade FIVE"]);
});
