/** `fastly_image_optimizer`: transforms images. @module */
import { Body } from "../handles/body.ts";
import { optimize } from "../handles/image.ts";
import { GuestRequest } from "../handles/message.ts";
import type { Sandbox } from "../handles/sandbox.ts";
import { INVALID_HANDLE } from "../handles/table.ts";
import { EMPTY, type Payload } from "../service/http/bytes.ts";
import { HostError } from "../service/errors.ts";
import { type Input, type Namespace, namespace, type Output, wait } from "./_define.ts";
import { settle } from "./http_req.ts";
import { options, ref, text, unsigned } from "./_in.ts";
import * as out from "./_out.ts";

/** Cases of the ABI's `image_optimizer_error_tag`. */
const errorTag = { ok: 1, error: 2 } as const;
const DETAIL_BYTES = 12;

/** Body to send, which is consumed; optional. */
const contentOrNone: Input<Payload> = {
  coreTypes: ["i32"],
  read({ handles }, args, at) {
    const handle = unsigned(args, at);
    return handle === INVALID_HANDLE ? EMPTY : Body.take(handles, handle).payload();
  },
};

/**
 * Output preceded by a pointer to an `image_optimizer_error_detail`. Its message is always empty, as the guest passes no
 * buffer for one; the log has it.
 */
function tagged<T>(output: Output<T>): Output<T> {
  return {
    coreTypes: ["i32", ...output.coreTypes],
    write(sandbox, args, at, value) {
      output.write(sandbox, args, at + 1, value);
      setTag(sandbox, unsigned(args, at), errorTag.ok);
    },
    refused(sandbox, args, at, error) {
      // If the service lacks the product, the status says so, and there is no error about the image.
      const unsupported = error instanceof HostError && error.kind === "unsupported";
      if (!unsupported) setTag(sandbox, unsigned(args, at), errorTag.error);
      return undefined;
    },
  };
}

function setTag({ memory }: Sandbox, ptr: number, tag: number): void {
  if (ptr === 0 || ptr + DETAIL_BYTES > memory.size) return;
  memory.setU32(ptr, tag);
  memory.setU32(ptr + 4, 0);
  memory.setU32(ptr + 8, 0);
}

export const imageOptimizer: Namespace = namespace("fastly_image_optimizer", {
  transform_image_optimizer_request: wait(
    [
      ref(GuestRequest), // the Rust SDK closes it afterwards, and panics if it cannot
      contentOrNone,
      text,
      options({ query: [1, text] }, { reserved: 0 }),
    ],
    tagged(out.reply),
    (sandbox, request, body, backend, { query = "" }) => {
      const pending = optimize(sandbox, request, body, backend, query);
      // The handle makes a stop of the guest cancel the request.
      return settle(sandbox, sandbox.handles.insert(pending));
    },
  ),
});
