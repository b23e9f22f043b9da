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
 * A body handle. It begins as something to read and to write into; once it is sent as a stream it is the write end of
 * that stream and nothing else.
 */
export class Body extends Waitable {
  #content = new ChunkQueue();
  /** Where the content is counted, once the guest has written some. */
  #held: ByteCounter | undefined;
  #stream: Stream | undefined;

  /** Consumes a handle for what the body holds. A body that is being sent keeps its own: it has an end to come. */
  static take(handles: HandleTable, handle: number): Body {
    handles.get(Body, handle).#readable("take");
    return handles.take(Body, handle);
  }

  static of(payload: Payload): Body {
    const body = new Body();
    body.#content.push(payload);
    return body;
  }

  /** The write end of a stream. */
  static into(sink: BodySink): Body {
    const body = new Body();
    body.#stream = streamInto(sink);
    return body;
  }

  /**
   * The write end of an object in the cache.
   *
   * @param run The run of the program that writes. What it appends comes by itself, and nothing else does.
   * @param sink Where the content is written, if not at once to itself.
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
   * At most `most` bytes, at least one; none at the end.
   *
   * @param run The run of the program that is suspended for them. Refused if only the run itself could write them.
   */
  read(most: number, run?: object): Eventually<Uint8Array> {
    const content = this.#readable("read from");
    if (most === 0) return EMPTY;
    const chunk = run ? readFor(run, content, most) : content.read(most);
    return chunk instanceof Promise ? chunk.then((bytes) => bytes ?? EMPTY) : chunk ?? EMPTY;
  }

  /**
   * Puts bytes, which it keeps, at an end. The back of a stream waits while its reader is behind.
   *
   * @param run The run of the program that is suspended meanwhile. Refused if only the run itself could end the wait.
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

  /** Has what the body holds counted, in the first place that is given. */
  countIn(held: ByteCounter): void {
    this.#held ??= held;
    this.#content.countIn(this.#held);
  }

  /** Whether what the body holds is counted. */
  get counted(): boolean {
    return this.#held !== undefined;
  }

  /** Takes from the count what was given up whole: nobody reads that bit by bit. */
  uncount(payload: Payload): void {
    if (this.#held && isWhole(payload)) this.#held.bytes -= payload.length;
  }

  /**
   * Moves everything in `source`, trailers included, to the back. A stream takes it at the pace of its reader; without
   * such a pace it takes it by itself, and the writer need not wait, or even stay.
   *
   * @param makeGuard Makes a timeout for a copy that goes on without the writer.
   * @param run The run of the program that is suspended meanwhile. Refused if only the run itself could end the wait.
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

  /** Gives up the content to whoever sends it. It goes on being counted until it has been read. */
  payload(): Payload {
    const content = this.#readable("send");
    this.#content = new ChunkQueue();
    return content.whole() ?? content;
  }

  /**
   * Gives up the content as {@linkcode Body.payload} does, but never puts pieces together.
   *
   * @param run The run of the program that is suspended while it is read: see {@linkcode readFor}.
   */
  source(run: object): ByteSource {
    const content = this.#readable("store");
    this.#content = new ChunkQueue();
    return sourceFor(run, content);
  }

  /** Gives up the content as {@linkcode Body.payload} does; what is written from now on follows it. */
  stream(): Payload {
    const content = this.#readable("stream");
    const pipe = new Pipe(this.#held);
    content.push(pipe);
    this.#content = new ChunkQueue();
    this.#stream = streamInto(pipe);
    return content;
  }

  /**
   * Ends a stream well: its reader sees a whole message. Frees a body that is no stream.
   *
   * @returns When an object that it is the content of has been stored, if its driver answers later.
   */
  close(): Eventually<void> {
    if (!this.#stream) return this.#content.cancel();
    const { appended, sink, trailers } = this.#stream;
    this.#stream.closed = true;
    if (appended) appended.then(() => sink.finish(trailers)).catch((error) => sink.abort(error));
    else return sink.finish(trailers);
  }

  /** Ends a stream badly: its reader sees a message cut short. */
  override drop(): void {
    if (!this.#stream) return this.#content.cancel();
    const { arriving, sink } = this.#stream;
    sink.abort(
      new HostError("http-incomplete", "Cannot read on: the guest did not finish the body"),
    );
    for (const content of arriving) content.cancel();
  }

  /** Whether all of it has been read. */
  get ended(): boolean {
    return this.#content.done || this.#content.length === 0;
  }

  /** Number of bytes left to read, if that is certain. */
  get knownLength(): number | undefined {
    return this.#stream ? undefined : this.#content.length;
  }

  /** The fields after the content; refused until it has been read to its end. */
  get trailers(): HeaderList {
    if (this.#stream) refuse("invalid", "Cannot read the trailers of a body that is being sent");
    return this.#content.done
      ? this.#content.trailers
      : refuse("again", "Cannot read trailers before the end of the body has been read");
  }

  /** The fields after the content, to be added to. */
  get ownTrailers(): HeaderList {
    return (this.#stream ?? this.#content).trailers;
  }

  /** Whether a read, or a write to a stream, would go through at once. */
  override get ready(): boolean {
    if (!this.#stream) return this.#content.ready;
    return !this.#stream.appended && !this.#stream.sink.full;
  }

  /** Resolves when it may be ready, or when others than before may make it so. */
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

  /** Resolves when other runs than before may write what is appended now. */
  #sourceChanges(): Promise<void> | undefined {
    const [source] = this.#stream?.arriving ?? [];
    return source?.changes();
  }

  /** Writes a body behind what was appended before, while the writer goes on. */
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

/** What is written to, and the fields that are to follow it. */
interface Stream {
  readonly sink: BodySink;
  readonly trailers: HeaderList;
  /** Resolves when what was appended has been written; undefined once it has. */
  appended: Promise<void> | undefined;
  /** Resolves when the writer waits for that: then no reader's pace counts, for the writer may be the reader. */
  readonly awaited: PromiseWithResolvers<void>;
  /** Bodies that were appended and have not been written yet. */
  readonly arriving: Set<ChunkQueue>;
  /** Whether the guest writes no more. */
  closed: boolean;
  /** The content of the cached object that it is written into. */
  content?: CacheContent;
}

/** Whether what is appended now is itself still to be written by the run. */
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

/** The content, of which a read fails that waits for too long. */
function guarded(content: ByteSource, makeGuard: MakeGuard): ByteSource {
  const stop = (reason: string) =>
    body.cut(new HostError("http-incomplete", `Cannot read on: ${reason}`));
  const { begin, end } = makeGuard((reason) => void stop(reason), "Filling a body");
  const body = new WatchedBody(content, { reading: begin, given: end, ended: end });
  return body;
}

/** Writes all of one body into a stream. If it fails half-way, so does the stream. */
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
