import type { Exchange, HttpVersion } from "../service/exchange.ts";
import type { Framing } from "../service/framing.ts";
import { HeaderList } from "../service/headers.ts";
import { HttpVersion as Version } from "../service/exchange.ts";

/** How a request that goes through the cache departs from the origin's word (`cache_override_*`). */
export interface CacheOverride {
  readonly pass: boolean;
  readonly pci: boolean;
  /** Seconds. */
  readonly ttl?: number;
  /** Seconds. */
  readonly staleWhileRevalidate?: number;
  readonly surrogateKeys?: string;
  /** Milliseconds. */
  readonly lookupTimeout?: number;
}

/** A request that came from a client. */
export interface ClientRequest {
  readonly exchange: Exchange;
  /** 32 hexadecimal digits. */
  readonly id: string;
}

/** A request handle: the client's, or one that the guest made. */
export class GuestRequest {
  method = "GET";
  url = "/";
  version: HttpVersion = Version.http11;
  headers: HeaderList = new HeaderList();
  framing: Framing = "automatic";
  /** Whether a gzipped response is decoded on its way to the guest. */
  gunzip = false;
  cacheOverride: CacheOverride | undefined;
  /** The service whose cache entries the request is to use; the guest's own if undefined. */
  onBehalfOf: string | undefined;
  /** The client's request behind it, if a client sent it. */
  readonly received: ClientRequest | undefined;

  constructor(received?: ClientRequest) {
    this.received = received;
    if (!received) return;
    const { head } = received.exchange;
    this.method = head.method;
    this.url = head.url;
    this.version = head.version;
    this.headers = head.headers.copy();
  }
}

/** A response handle: a backend's, or one that the guest made. */
export class GuestResponse {
  status = 200;
  version: HttpVersion = Version.http11;
  headers: HeaderList = new HeaderList();
  framing: Framing = "automatic";
  /** Whether the client may send more on the same connection. */
  keepAlive = true;
  /** The backend's address, for a response that came over a socket. */
  peer: { readonly address: string; readonly port: number } | undefined;
}
