import type { Eventually } from "../service/http/bytes.ts";
import { HostError } from "../service/errors.ts";
import { ArrivingContent } from "../service/http/http1/arriving_content.ts";

/** Callbacks of a {@linkcode RequestContent}, to its connection. */
export interface ContentOwner {
  /** Called on the first read: `100 Continue` is sent now (RFC 9110, section 10.1.1). */
  firstRead(content: RequestContent): void;
  /** Called when buffered bytes were read, so that there may be room for more. */
  taken(): void;
  /** Called when the content was cancelled: it will not be read any more. */
  dropped(): void;
}

/** Content of a request that is arriving. */
export class RequestContent extends ArrivingContent {
  readonly #owner: ContentOwner;
  #dropped = false;
  #kept = false;
  #read = false;

  /** @param length Content-Length, in bytes; undefined for chunked content. */
  constructor(length: number | undefined, owner: ContentOwner) {
    super(length);
    this.#owner = owner;
  }

  override get length(): number | undefined {
    return this.complete ? this.buffered : super.length;
  }

  /** Whether the content was cancelled. */
  get dropped(): boolean {
    return this.#dropped;
  }

  /** Whether it is read to its end, or cancelled, though its request may be over. */
  get kept(): boolean {
    return this.#kept && !this.#dropped;
  }

  keep(): void {
    this.#kept = true;
  }

  /** Notes that the rest will not arrive: once the buffered bytes are read, a read fails. */
  fail(reason: string): void {
    if (this.complete) return;
    this.cutShort(new HostError("http-incomplete", `Cannot read the request's body: ${reason}`));
  }

  override read(): Eventually<Uint8Array | undefined> {
    if (!this.#read) {
      this.#read = true;
      this.#owner.firstRead(this);
    }
    return super.read();
  }

  cancel(): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.clear(new HostError("failed", "Cannot read a request's body that was given up"));
    this.#owner.dropped();
  }

  protected taken(): void {
    this.#owner.taken();
  }
}
