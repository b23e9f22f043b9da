/**
 * Names of 2020 to 2022: `env.xqd_*`, and `fastly.init`. They are today's hostcalls, but return no status that those guests
 * do not know.
 *
 * @module
 */
import { SendError } from "../service/errors.ts";
import type { Eventually } from "../service/http/bytes.ts";
import { type Hostcall, type Namespace, namespace, wait } from "./_define.ts";
import { fastlyAbi } from "./fastly_abi.ts";
import { httpBody } from "./http_body.ts";
import { httpDownstream } from "./http_downstream.ts";
import { httpReq, poll, type Polled } from "./http_req.ts";
import { u32 } from "./_in.ts";
import * as out from "./_out.ts";
import { statusOf2020 } from "./_status.ts";

const pendingPoll: Hostcall = wait(
  [u32],
  out.all({ done: out.bool, reply: out.reply }),
  (sandbox, handle): Eventually<Polled> => {
    // Those guests panic on any status but ok, so a failure shows in invalid handles.
    const failed = (error: unknown): Polled => {
      if (error instanceof SendError) return { done: true, reply: undefined };
      throw error;
    };
    try {
      const polled = poll(sandbox, handle);
      return polled instanceof Promise ? polled.catch(failed) : polled;
    } catch (error) {
      return failed(error);
    }
  },
);

/** Number of arguments of a call by Rust's crate up to 0.2, which passes a time to live before the pointers. */
const sendWithTtl = 7;

function send(): Hostcall {
  const today = httpReq.calls.send!;
  return {
    ...today,
    bind(context) {
      const bound = today.bind(context);
      return (...args) => {
        if (args.length === sendWithTtl) args.splice(4, 1);
        return bound(...args);
      };
    },
  };
}

/** Wraps a hostcall so that it returns only statuses that a guest of 2020 knows. */
function aged(call: Hostcall): Hostcall {
  return {
    ...call,
    bind(context) {
      const bound = call.bind(context);
      return (...args) => {
        const status = bound(...args);
        return status instanceof Promise ? status.then(statusOf2020) : statusOf2020(status);
      };
    },
  };
}

/** Prefixes of old names by namespace, and the part of today's name that they lack. */
const PREFIXES: Readonly<Record<string, readonly [prefix: string, dropped?: string]>> = {
  fastly_abi: ["xqd_"],
  fastly_acl: ["xqd_acl_"],
  fastly_async_io: ["xqd_async_io_"],
  fastly_compute_runtime: ["xqd_compute_runtime_"],
  fastly_erl: ["xqd_erl_"],
  fastly_http_body: ["xqd_body_"],
  fastly_http_downstream: ["xqd_http_downstream_", "downstream_"],
  fastly_http_req: ["xqd_req_"],
  fastly_http_resp: ["xqd_resp_"],
  fastly_image_optimizer: ["xqd_image_optimizer_", "image_optimizer_"],
  fastly_log: ["xqd_log_"],
  fastly_shielding: ["xqd_"],
  fastly_uap: ["xqd_uap_"],
};

function renamed({ name: module, calls }: Namespace): [string, Hostcall][] {
  const [prefix, dropped = ""] = PREFIXES[module] ?? [];
  if (prefix === undefined) return [];
  return Object.entries(calls).map(([name, call]) => [
    name.startsWith("pending_req_") ? `xqd_${name}` : prefix + name.replace(dropped, ""),
    call,
  ]);
}

/** Calls that differ from today's of the same name. */
const DIFFERENT: Readonly<Record<string, Hostcall>> = {
  xqd_body_close_downstream: httpBody.calls.close!,
  // Newer than the others of its kind, it takes the handle of a request.
  xqd_req_downstream_tls_client_servername: httpDownstream.calls.downstream_tls_client_servername!,
  xqd_pending_req_poll: pendingPoll,
  xqd_req_send: send(),
};

/** Makes the old modules from today's namespaces. */
export function legacy(today: readonly Namespace[]): Namespace[] {
  const calls = Object.entries({ ...Object.fromEntries(today.flatMap(renamed)), ...DIFFERENT });
  return [
    namespace("env", Object.fromEntries(calls.map(([name, call]) => [name, aged(call)]))),
    namespace("fastly", { init: aged(fastlyAbi.calls.init!) }),
  ];
}
