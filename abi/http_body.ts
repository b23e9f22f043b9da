/**
 * `fastly_http_body`: the content of a message, whole or streamed.
 *
 * @module
 */
import { Body } from "../handles/body.ts";
import { call, type Input, type Namespace, namespace, wait } from "./_define.ts";
import { bytes, headerName, headerValue, oneOf, ref, span, take, unsigned } from "./_in.ts";
import { readingCalls } from "./_headers.ts";
import * as out from "./_out.ts";

/** Body to read from, which is consumed. */
export const content: Input<Body> = {
  coreTypes: ["i32"],
  read: ({ handles }, args, at) => Body.take(handles, unsigned(args, at)),
  release: (body) => body.drop(),
};

export const httpBody: Namespace = namespace("fastly_http_body", {
  new: call([], out.put(Body), () => new Body()),

  /** Moves the content and trailers of `src` to the end of `dest`. An append to a stream waits while its reader is behind. */
  append: wait([ref(Body), content], out.none, (sandbox, dest, src) => {
    if (src.counted) dest.countIn(sandbox.requests.quota.bodyBytes);
    return dest.append(src, sandbox.service.makeGuard, sandbox);
  }),

  /** Fills `buf` with the available bytes, and waits if there are none; zero bytes is the end. */
  read: wait([ref(Body), span], out.u32, (sandbox, body, buf) => {
    const chunk = body.read(buf.length, sandbox);
    return chunk instanceof Promise ? chunk.then(buf.fill) : buf.fill(chunk);
  }),

  /**
   * Writes all bytes; refused above the limit `body_bytes`. A write to the back of a stream waits while its reader is
   * behind.
   */
  write: wait([ref(Body), bytes, oneOf("back", "front")], out.u32, (sandbox, body, chunk, end) => {
    sandbox.requests.quota.checkBody(chunk.length);
    body.countIn(sandbox.requests.quota.bodyBytes);
    const written = body.write(chunk, end, sandbox);
    return written instanceof Promise ? written.then(() => chunk.length) : chunk.length;
  }),

  /** Ends a stream, so that the other side gets a complete message. */
  close: wait([take(Body)], out.none, (_, body) => body.close()),

  /** Aborts a stream, so that the other side gets a message that is cut short. */
  abandon: call([take(Body)], out.none, (_, body) => body.drop()),

  trailer_append: call(
    [ref(Body), headerName, headerValue],
    out.none,
    ({ requests: { quota } }, { ownTrailers }, name, value) => {
      quota.checkFields(ownTrailers, name, [value], false);
      ownTrailers.append(name, value);
    },
  ),
  ...readingCalls("trailer", Body, ({ trailers }) => trailers),

  /** Returns the number of bytes left to read; absent if it is not known. */
  known_length: call(
    [ref(Body)],
    out.known(out.u64),
    (_, { knownLength }) => knownLength === undefined ? undefined : BigInt(knownLength),
  ),
});
