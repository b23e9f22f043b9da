import { isWhole, type Payload } from "../../service/http/bytes.ts";
import type { Exchange, ResponseHead } from "../../service/http/exchange.ts";
import { HeaderList } from "../../service/http/headers.ts";
import { WrappedExchange } from "../../service/http/wrapped_exchange.ts";

/** Path of the events for pages. */
const EVENTS_PATH = "/.fastlike/reload";
/** Reloads the page at each event, and when its connection to the server is open again. */
const SCRIPT = `<script>{const e=new EventSource(${JSON.stringify(EVENTS_PATH)});let o;` +
  `e.onopen=()=>{if(o)location.reload();o=1};e.onmessage=()=>location.reload()}</script>`;
/** Milliseconds between two comments that keep a page's stream from counting as stalled. */
const HEARTBEAT = 20_000;
const encoder = new TextEncoder();

/** Reloads pages in browsers when the program has changed: adds a script to HTML, and sends it events. */
export class LiveReload {
  readonly #pages = new Set<EventStream>();

  /** Answers a page's request for events; returns undefined for other requests. */
  answer(exchange: Exchange): Promise<void> | undefined {
    if (new URL(exchange.head.url).pathname !== EVENTS_PATH) return undefined;
    const stream = new EventStream();
    this.#pages.add(stream);
    const heartbeat = setInterval(() => stream.send(": still here\n\n"), HEARTBEAT);
    stream.ended.then(() => clearInterval(heartbeat));
    const leave = () => {
      this.#pages.delete(stream);
      stream.end();
    };
    exchange.onGone(leave);
    const headers = new HeaderList([
      ...["content-type", "text/event-stream"],
      ...["cache-control", "no-store"],
    ]);
    exchange.respond({ status: 200, headers }, stream);
    return Promise.resolve();
  }

  /** Returns an exchange that adds the script to the end of HTML. */
  around(exchange: Exchange): Exchange {
    return new ScriptedExchange(exchange);
  }

  /** Reloads all pages. */
  reload(): void {
    for (const page of this.#pages) page.send("data: reload\n\n");
  }

  /** Ends the streams of events, so that draining the server does not wait for pages. */
  close(): void {
    for (const page of this.#pages) page.end();
    this.#pages.clear();
  }
}

/** Body of server-sent events. */
class EventStream {
  readonly length = undefined;
  readonly trailers = undefined;
  /** Resolves when nothing more will be sent. */
  readonly ended: Promise<void>;
  readonly #end: () => void;
  #queue: Uint8Array[] = [encoder.encode(": connected\n\n")];
  #ended = false;
  #wake: (() => void) | undefined;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#end = resolve;
  }

  send(text: string): void {
    this.#queue.push(encoder.encode(text));
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#end();
    this.#wake?.();
  }

  async read(): Promise<Uint8Array | undefined> {
    while (!this.#queue.length && !this.#ended) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#queue.shift();
  }

  cancel(): void {
    this.end();
  }
}

/** Exchange that adds the script to the end of HTML. */
class ScriptedExchange extends WrappedExchange {
  override respond(head: ResponseHead, body: Payload): void {
    if (!takesScript(this.head.method, head)) return super.respond(head, body);
    const headers = new HeaderList([...head.headers].flat());
    for (const name of ["content-length", "etag", "last-modified"]) headers.delete(name);
    if (isWhole(body)) {
      const whole = new Uint8Array(body.length + SCRIPT.length);
      whole.set(body);
      whole.set(encoder.encode(SCRIPT), body.length);
      headers.append("content-length", String(whole.length));
      return super.respond({ ...head, headers }, whole);
    }
    headers.delete("transfer-encoding");
    headers.append("transfer-encoding", "chunked");
    super.respond({ ...head, headers }, followed(body, encoder.encode(SCRIPT)));
  }
}

/** Whether a response is HTML that the script can be added to. */
function takesScript(method: string, { status, headers }: ResponseHead): boolean {
  return method !== "HEAD" && status >= 200 && ![204, 205, 206, 304].includes(status) &&
    /^text\/html\b/i.test(headers.get("content-type") ?? "") && !headers.has("content-encoding");
}

/** Returns a body with bytes after its end. */
function followed(body: Exclude<Payload, Uint8Array>, bytes: Uint8Array): Payload {
  let left: Uint8Array | undefined = bytes;
  return {
    length: undefined,
    get trailers() {
      return body.trailers;
    },
    async read() {
      const chunk = await body.read();
      if (chunk) return chunk;
      const last = left;
      left = undefined;
      return last;
    },
    cancel: (reason) => body.cancel(reason),
  };
}
