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
  /** Where the request came from, if a client sent it. */
  readonly exchange: Exchange | undefined;

  constructor(exchange?: Exchange) {
    this.exchange = exchange;
    if (!exchange) return;
    this.method = exchange.head.method;
    this.url = exchange.head.url;
    this.version = exchange.head.version;
    this.headers = exchange.head.headers.copy();
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
