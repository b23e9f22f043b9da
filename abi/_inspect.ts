import { Body } from "../handles/body.ts";
import { GuestRequest } from "../handles/message.ts";
import type { Sandbox } from "../handles/sandbox.ts";
import { addressOf } from "../service/util/address.ts";
import { concat } from "../service/http/bytes.ts";
import { describe, HostError, refuse } from "../service/errors.ts";
import { type Inspection, verdictJson } from "../service/client/inspection.ts";
import { type Hostcall, wait } from "./_define.ts";
import { ip, options, ref, type Span, span, text } from "./_in.ts";
import * as out from "./_out.ts";

const info = options({ corp: [1, text], workspace: [2, text], clientIp: [3, ip] });

/**
 * Passes a request to the Next-Gen WAF, which is the option `inspect`. Corp and workspace are required. A verdict that does
 * not fit the buffer is refused; the call has no way to return the needed size.
 */
export const inspect: Hostcall = wait(
  [ref(GuestRequest), ref(Body), info, span],
  out.u32,
  async (sandbox, request, body, info, buf) => write(buf, await ask(sandbox, request, body, info)),
);

async function ask(
  sandbox: Sandbox,
  request: GuestRequest,
  body: Body,
  { corp, workspace, clientIp }: ReturnType<typeof info.read>,
): Promise<string> {
  if (!corp || !workspace) refuse("invalid", "Cannot inspect without a corp and a workspace");
  const { service } = sandbox;
  const reader = bodyReader(body);
  const clientAddress = clientIp
    ? addressOf(clientIp)
    : request.clientRequest?.exchange.client.address;
  const { method, url } = request;
  const headers = request.headers.copy();
  try {
    return verdictJson(
      await service.options.inspect?.(
        { method, url, headers, corp, workspace, clientAddress, body: reader.read },
      ) ?? {},
    );
  } catch (error) {
    if (error instanceof HostError) throw error;
    service.report(
      "error",
      `The inspect option failed: ${describe(error)}`,
      sandbox.requests.current.id,
    );
    refuse("failed", "Cannot inspect: the inspect option failed", error);
  } finally {
    await reader.end();
  }
}

/** Reader of a guest's body for the option `inspect`: each read starts at the beginning, and none is allowed after `end`. */
function bodyReader(body: Body): { readonly read: Inspection["body"]; end(): Promise<void> } {
  let ended = false;
  let last: Promise<unknown> = Promise.resolve();
  return {
    read(max = Infinity) {
      if (ended) throw new Error("Cannot read the body: the verdict has been given");
      const bytes = last.then(() => peek(body, max));
      last = bytes.catch(() => {});
      return bytes;
    },
    async end() {
      ended = true;
      await last;
    },
  };
}

async function peek(body: Body, max: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  try {
    for (let room = max; room > 0;) {
      const chunk = await body.read(room);
      if (!chunk.length) break;
      chunks.push(chunk);
      room -= chunk.length;
    }
  } finally {
    body.write(concat(chunks), "front");
  }
  return concat(chunks).slice();
}

function write(buf: Span, text: string): number {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > buf.length) {
    refuse("buffer-too-small", `Cannot fit ${bytes.length} bytes in ${buf.length}`);
  }
  return buf.fill(bytes);
}
