import {
  type ByteCounter,
  type ByteSource,
  EMPTY,
  type Eventually,
  isWhole,
  type Payload,
} from "../service/http/bytes.ts";
import type { CacheContent } from "../service/cache/content.ts";
import { ChunkQueue } from "../service/http/chunk_queue.ts";
import { HostError, refuse } from "../service/errors.ts";
import { HeaderList } from "../service/http/headers.ts";
import type { MakeGuard } from "../service/util/guard.ts";
import { WatchedBody } from "../service/http/watched_body.ts";
import { type BodySink, Pipe } from "../service/http/pipe.ts";
import { isStuck, readFor, resultFor, sourceFor } from "./held_wait.ts";
import type { HandleTable } from "./table.ts";
import { Waitable } from "./waitable.ts";

/**
 * Body handle. It starts as a buffer that can be read and written. When it is sent as a stream it becomes the write end of
 * that stream, and can no longer be read.
 */
export class Body extends Waitable {
  #content = new ChunkQueue();
  /** Counter of the bytes in memory, once the guest has written some. */
  #counter: ByteCounter | undefined;
  #stream: Stream | undefined;

  /** Consumes the handle of a body to be read. A body that is being sent is refused and keeps its handle, to be closed. */
  static take(handles: HandleTable, handle: number): Body {
    handles.get(Body, handle).#readable("take");
    return handles.take(Body, handle);
  }

  /** Makes a body with content. */
  static of(payload: Payload): Body {
    const body = new Body();
    body.#content.push(payload);
    return body;
  }

  /** Makes the write end of a stream. */
  static into(sink: BodySink): Body {
    const body = new Body();
    body.#stream = streamInto(sink);
    return body;
  }

  /**
   * Makes the write end of an object in the cache.
   *
   * @param run Sandbox that writes. The content counts as held by it, except while a body that it has appended arrives.
   * @param sink Sink that writes to the content; the content itself by default.
   */
  static intoCache(content: CacheContent, run: object, sink: BodySink = content): Body {
    const body = Body.into(sink);
    const stream = body.#stream!;
    stream.content = content;
    content.sources = () => stream.arriving;
    content.writer = (other) =>
      other === run && (stream.appended ? isFedBy(run, stream) : !stream.closed);
    return body;
  }

  /**
   * Reads at least one and at most `max` bytes; none at the end.
   *
   * @param run Sandbox that is suspended meanwhile. The read is refused if only that sandbox could write the bytes.
   */
  read(max: number, run?: object): Eventually<Uint8Array> {
    const content = this.#readable("read from");
    if (max === 0) return EMPTY;
    const chunk = run ? readFor(run, content, max) : content.read(max);
    return chunk instanceof Promise ? chunk.then((bytes) => bytes ?? EMPTY) : chunk ?? EMPTY;
  }

  /**
   * Adds bytes, which must not be changed afterwards. A write to the back of a stream waits while the reader is behind.
   *
   * @param run Sandbox that is suspended meanwhile. Refused if only that sandbox could end the wait.
   */
  write(chunk: Uint8Array, end: "back" | "front", run?: object): Eventually<void> {
    if (end === "front") return this.#readable("write to the front of").unshift(chunk);
    if (!this.#stream) return this.#content.push(chunk);
    const { appended, sink } = this.#stream;
    if (!appended) return sink.write(chunk);
    this.#stream.awaited.resolve();
    const done = run
      ? resultFor(appended, () => this.isHeldBy(run), () => this.#sourceChanges())
      : appended;
    return done.then(() => this.write(chunk, end, run));
  }

  /** Counts the bytes in the body with a counter. Further counters are ignored. */
  countIn(counter: ByteCounter): void {
    this.#counter ??= counter;
    this.#content.countIn(this.#counter);
  }

  /** Whether the bytes in the body are counted. */
  get counted(): boolean {
    return this.#counter !== undefined;
  }

  /** Subtracts a payload that was taken out whole, since no reader of it does. */
  uncount(payload: Payload): void {
    if (this.#counter && isWhole(payload)) this.#counter.bytes -= payload.length;
  }

  /**
   * Moves the content and trailers of `source` to the back. A stream with back-pressure takes them as its reader does,
   * and the writer waits. Another stream (the cache) takes them by itself, even after the guest has ended.
   *
   * @param makeGuard Makes a timeout for a copy that goes on without the writer.
   * @param run Sandbox that is suspended meanwhile. Refused if only that sandbox could end the wait.
   */
  append(source: Body, makeGuard?: MakeGuard, run?: object): Eventually<void> {
    if (source === this) refuse("bad-handle", "Cannot append a body to itself");
    const content = source.#readable("append");
    if (!this.#stream) return this.#content.join(content);
    const stream = this.#stream;
    if (stream.content && content.comesFrom(stream.content)) {
      content.cancel();
      refuse("failed", "Cannot append a body to the object that it is read from: it has no end");
    }
    if (stream.sink.drained) return this.#follow(stream, content, makeGuard);
    stream.arriving.add(content);
    return pump(run ? sourceFor(run, content) : content, stream).finally(() =>
      stream.arriving.delete(content)
    );
  }

  /** Takes the content out, to be sent. It is counted until it has been read. */
  payload(): Payload {
    const content = this.#readable("send");
    this.#content = new ChunkQueue();
    return content.whole() ?? content;
  }

  /**
   * Takes the content out as {@linkcode Body.payload} does, without joining chunks.
   *
   * @param run Sandbox that is suspended while the content is read; see {@linkcode readFor}.
   */
  source(run: object): ByteSource {
    const content = this.#readable("store");
    this.#content = new ChunkQueue();
    return sourceFor(run, content);
  }

  /** Takes the content out as {@linkcode Body.payload} does, and makes the body the write end of a stream that follows it. */
  stream(): Payload {
    const content = this.#readable("stream");
    const pipe = new Pipe(this.#counter);
    content.push(pipe);
    this.#content = new ChunkQueue();
    this.#stream = streamInto(pipe);
    return content;
  }

  /**
   * Completes a stream, or frees a body that is no stream.
   *
   * @returns A promise if the stream is an object in the cache and its driver answers later; it resolves when the object
   *   is stored.
   */
  close(): Eventually<void> {
    if (!this.#stream) return this.#content.cancel();
    const { appended, sink, trailers } = this.#stream;
    this.#stream.closed = true;
    if (appended) appended.then(() => sink.finish(trailers)).catch((error) => sink.abort(error));
    else return sink.finish(trailers);
  }

  /** Aborts a stream, so that its reader gets an error, or frees a body that is no stream. */
  override drop(): void {
    if (!this.#stream) return this.#content.cancel();
    const { arriving, sink } = this.#stream;
    sink.abort(
      new HostError("http-incomplete", "Cannot read on: the guest did not finish the body"),
    );
    for (const content of arriving) content.cancel();
  }

  /** Whether the body has been read to its end. */
  get ended(): boolean {
    return this.#content.done || this.#content.length === 0;
  }

  /** Number of bytes left to read; undefined if it is not known. */
  get knownLength(): number | undefined {
    return this.#stream ? undefined : this.#content.length;
  }

  /** Trailers; refused until the content has been read to its end. */
  get trailers(): HeaderList {
    if (this.#stream) refuse("invalid", "Cannot read the trailers of a body that is being sent");
    return this.#content.done
      ? this.#content.trailers
      : refuse("again", "Cannot read trailers before the end of the body has been read");
  }

  /** Trailers to be sent, which can be added to. */
  get ownTrailers(): HeaderList {
    return (this.#stream ?? this.#content).trailers;
  }

  /** Whether a read, or a write to a stream, would not wait. */
  override get ready(): boolean {
    if (!this.#stream) return this.#content.ready;
    return !this.#stream.appended && !this.#stream.sink.full;
  }

  /** Resolves when the body may be ready, or other sandboxes than before may make it ready. */
  override whenReady(): Promise<void> {
    const ready = this.#stream
      ? this.#stream.appended ?? this.#stream.sink.room
      : this.#content.whenReady();
    const changes = this.#stream ? this.#sourceChanges() : this.#content.changes();
    return changes ? Promise.race([ready, changes]) : ready;
  }

  override isHeldBy(run: object): boolean {
    return this.#stream ? isFedBy(run, this.#stream) : this.#content.isHeldBy(run);
  }

  /** Resolves when other sandboxes than before may write the appended bodies. */
  #sourceChanges(): Promise<void> | undefined {
    const [source] = this.#stream?.arriving ?? [];
    return source?.changes();
  }

  /** Writes a body after those that were appended before, without the writer waiting. */
  #follow(stream: Stream, content: ChunkQueue, makeGuard?: MakeGuard): Eventually<void> {
    const whole = stream.appended ? undefined : content.whole();
    if (whole) return stream.sink.write(whole);
    stream.arriving.add(content);
    content.keep();
    const own = (stream.appended ?? Promise.resolve())
      .then(() => pump(makeGuard ? guarded(content, makeGuard) : content, stream))
      .catch(() => {}) // which the reader learns
      .then(() => {
        stream.arriving.delete(content);
        if (stream.appended === own) stream.appended = undefined;
        stream.content?.stir();
      });
    stream.appended = own;
  }

  #readable(action: string): ChunkQueue {
    return this.#stream
      ? refuse("bad-handle", `Cannot ${action} a body that is being sent`)
      : this.#content;
  }
}

/** Write end of a stream. */
interface Stream {
  readonly sink: BodySink;
  readonly trailers: HeaderList;
  /** Resolves when the appended bodies have been written; undefined if none are left. */
  appended: Promise<void> | undefined;
  /** Resolves when the writer waits for appended bodies. Back-pressure ends then, since the writer may be the reader. */
  readonly awaited: PromiseWithResolvers<void>;
  /** Appended bodies that have not been written to their end. */
  readonly arriving: Set<ChunkQueue>;
  /** Whether the guest has closed the body. */
  closed: boolean;
  /** Content of the cached object that is written. */
  content?: CacheContent;
}

/** Tells whether an appended body that is arriving is itself written by the sandbox `run`. */
function isFedBy(run: object, { arriving }: Stream): boolean {
  const [source] = arriving;
  return source !== undefined && isStuck(source, run);
}

function streamInto(sink: BodySink): Stream {
  return {
    sink,
    trailers: new HeaderList(),
    appended: undefined,
    awaited: Promise.withResolvers(),
    arriving: new Set(),
    closed: false,
  };
}

/** Wraps content so that a read that waits for longer than the time limit fails. */
function guarded(content: ByteSource, makeGuard: MakeGuard): ByteSource {
  const stop = (reason: string) =>
    body.cut(new HostError("http-incomplete", `Cannot read on: ${reason}`));
  const { begin, end } = makeGuard((reason) => void stop(reason), "Filling a body");
  const body = new WatchedBody(content, { reading: begin, given: end, ended: end });
  return body;
}

/** Writes the whole of a body to a stream. If the body fails, so does the stream. */
async function pump(content: ByteSource, stream: Stream): Promise<void> {
  const { sink, trailers, awaited } = stream;
  try {
    for (let chunk; (chunk = await content.read());) {
      await sink.write(chunk);
      const drained = sink.drained?.();
      if (drained) await Promise.race([drained, awaited.promise]);
    }
  } catch (error) {
    content.cancel(error);
    sink.abort(error);
    throw error;
  }
  for (const [name, value] of content.trailers ?? []) trailers.append(name, value);
}
