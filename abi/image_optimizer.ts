/** `fastly_image_optimizer`: images in other sizes and formats. @module */
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

/** The ABI's `image_optimizer_error_tag`. */
const errorTag = { ok: 1, error: 2 } as const;
const DETAIL_BYTES = 12;

/** A body to send, consumed, or the handle that stands for none. */
const contentOrNone: Input<Payload> = {
  words: ["i32"],
  read({ handles }, args, at) {
    const handle = unsigned(args, at);
    return handle === INVALID_HANDLE ? EMPTY : Body.take(handles, handle).payload();
  },
};

/**
 * An output behind a pointer to an `image_optimizer_error_detail`. It has no message: the guest gives no room for one,
 * and the log has it.
 */
function tagged<T>(output: Output<T>): Output<T> {
  return {
    words: ["i32", ...output.words],
    write(sandbox, args, at, value) {
      output.write(sandbox, args, at + 1, value);
      setTag(sandbox, unsigned(args, at), errorTag.ok);
    },
    refused(sandbox, args, at, error) {
      // A service without the product says nothing about an image.
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
      // By handle, so that it is cancelled if the guest is stopped.
      return settle(sandbox, sandbox.handles.insert(pending));
    },
  ),
});
