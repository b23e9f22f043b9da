/**
 * The names of 2020 to 2022: `env.xqd_*`, and `fastly.init`. They are today's calls; a status that came later becomes
 * one that those guests know.
 *
 * @module
 */
import { SendError } from "../service/errors.ts";
import type { Reply } from "../handles/pending_request.ts";
import { asyncIo } from "./async_io.ts";
import { computeRuntime } from "./compute_runtime.ts";
import { call, type Hostcall, type Namespace, namespace } from "./_define.ts";
import { fastlyAbi } from "./fastly_abi.ts";
import { httpBody } from "./http_body.ts";
import { httpDownstream } from "./http_downstream.ts";
import { httpReq, poll } from "./http_req.ts";
import { httpResp } from "./http_resp.ts";
import { u32 } from "./_in.ts";
import { log } from "./log.ts";
import * as out from "./_out.ts";
import { statusOf2020 } from "./_status.ts";
import { uap } from "./uap.ts";

const pendingPoll: Hostcall = call(
  [u32],
  out.all({ done: out.bool, reply: out.reply }),
  (sandbox, handle): { done: boolean; reply: Reply | undefined } => {
    try {
      return poll(sandbox, handle);
    } catch (error) {
      // Those guests panic on any other status: a failure shows in the handles.
      if (error instanceof SendError) return { done: true, reply: undefined };
      throw error;
    }
  },
);

/** The crate up to 0.2 passes a time to live before the handles. */
const sendWithTtl = 7;

function send(): Hostcall {
  const today = httpReq.calls.send!;
  return {
    ...today,
    bind(seat) {
      const bound = today.bind(seat);
      return (...args) => {
        if (args.length === sendWithTtl) args.splice(4, 1);
        return bound(...args);
      };
    },
  };
}

/** The same call, answering only what a guest of 2020 knows. */
function aged(call: Hostcall): Hostcall {
  return {
    ...call,
    bind(seat) {
      const bound = call.bind(seat);
      return (...args) => {
        const status = bound(...args);
        return status instanceof Promise ? status.then(statusOf2020) : statusOf2020(status);
      };
    },
  };
}

function renamed(prefix: string, { calls }: Namespace): Record<string, Hostcall> {
  const pending = "pending_req_";
  return Object.fromEntries(
    Object.entries(calls).map((
      [name, call],
    ) => [name.startsWith(pending) ? `xqd_${name}` : prefix + name, call]),
  );
}

const calls: Record<string, Hostcall> = {
  ...renamed("xqd_req_", httpReq),
  ...renamed("xqd_http_", httpDownstream),
  ...renamed("xqd_resp_", httpResp),
  ...renamed("xqd_body_", httpBody),
  ...renamed("xqd_log_", log),
  ...renamed("xqd_async_io_", asyncIo),
  ...renamed("xqd_compute_runtime_", computeRuntime),
  xqd_init: fastlyAbi.calls.init!,
  xqd_uap_parse: uap.calls.parse!,
  xqd_body_close_downstream: httpBody.calls.close!,
  // The only one of its kind that came when requests were named.
  xqd_req_downstream_tls_client_servername: httpDownstream.calls.downstream_tls_client_servername!,
  xqd_pending_req_poll: pendingPoll,
  xqd_req_send: send(),
};

export const env: Namespace = namespace(
  "env",
  Object.fromEntries(Object.entries(calls).map(([name, call]) => [name, aged(call)])),
);

export const fastly: Namespace = namespace("fastly", { init: fastlyAbi.calls.init! });
