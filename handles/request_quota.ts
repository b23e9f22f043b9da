import type { ByteCounter } from "../service/http/bytes.ts";
import { type HostError, refuse } from "../service/errors.ts";
import type { HeaderList } from "../service/http/headers.ts";
import { describeLimit, type LimitName } from "../service/limits.ts";
import type { Service } from "../service/service.ts";
import type { DownstreamRequest } from "./downstream_request.ts";

/** Use of the limits on one request: bytes in bodies, requests to backends, log bytes, heads. */
export class RequestQuota {
  /** Bytes that the guest has written to bodies and that have not been read or sent yet. */
  readonly bodyBytes: ByteCounter = { bytes: 0 };
  readonly #service: Service;
  readonly #request: DownstreamRequest;
  #backendRequests = 0;
  #logBytes = 0;
  /** Limits that were reached. Each is logged once. */
  #met: Set<LimitName> | undefined;

  constructor(service: Service, request: DownstreamRequest) {
    this.#service = service;
    this.#request = request;
  }

  get backendRequests(): number {
    return this.#backendRequests;
  }

  /** Counts a request to a backend; refused if the limit is reached. */
  countBackendRequest(): void {
    const { backend_requests: max } = this.#service.limits;
    if (this.#backendRequests < max) this.#backendRequests++;
    else {this.#refuse(
        "backend_requests",
        "limit-exceeded",
        `Cannot send a request number ${max + 1}`,
      );}
  }

  /** Refuses to keep more bytes in bodies than the limit allows. */
  checkBody(bytes: number): void {
    const { bodyBytes } = this;
    if (bodyBytes.bytes + bytes <= this.#service.limits.body_bytes) return;
    const what = `Cannot keep ${bytes} bytes of a body besides ${bodyBytes.bytes}`;
    this.#refuse("body_bytes", "limit-exceeded", what);
  }

  checkUrl({ length }: string): void {
    if (length <= this.#service.limits.url_bytes) return;
    this.#refuse("url_bytes", "head-too-large", `Cannot use a URL of ${length} bytes`);
  }

  /**
   * Refuses fields with which a list would exceed the limits.
   *
   * @param replaced Whether the list's present fields of the name are replaced.
   */
  checkFields(
    headers: HeaderList,
    name: string,
    values: readonly string[],
    replaced: boolean,
  ): void {
    const { header_bytes, header_count } = this.#service.limits;
    const cost = (values: readonly string[]) =>
      values.reduce((sum, value) => sum + name.length + value.length + 4, 0);
    let bytes = headers.bytes + cost(values);
    let count = headers.size + values.length;
    if (bytes <= header_bytes && count <= header_count) return;
    if (replaced) {
      const old = headers.getAll(name);
      bytes -= cost(old);
      count -= old.length;
    }
    const what = `Cannot set "${name}" for ${count} header fields of ${bytes} bytes`;
    if (count > header_count) this.#refuse("header_count", "head-too-large", what);
    if (bytes > header_bytes) this.#refuse("header_bytes", "head-too-large", what);
  }

  /** Counts bytes for the log. Returns whether they may be logged; after the first refusal no more are. */
  mayLog(bytes: number): boolean {
    const before = this.#logBytes;
    this.#logBytes += bytes;
    if (this.#logBytes <= this.#service.limits.log_bytes) return true;
    this.#logBytes = Infinity;
    this.meet("log_bytes", `What the guest logs is dropped from here on, after ${before} bytes`);
    return false;
  }

  /** Records the limit that an error is caused by, if it is. */
  note(error: HostError): void {
    if (error.limit) this.meet(error.limit, error.message);
  }

  /** Records that the request has reached a limit. */
  meet(limit: LimitName, what: string): void {
    if (this.#met?.has(limit)) return;
    (this.#met ??= new Set()).add(limit);
    this.#service.meetLimit(this.#request.exchange, limit, what, this.#request.id);
  }

  #refuse(limit: LimitName, kind: "limit-exceeded" | "head-too-large", what: string): never {
    this.meet(limit, what);
    refuse(kind, `${what}: the limit is ${describeLimit(limit, this.#service.limits)}`);
  }
}
