import type { Exchange, HttpVersion } from "../service/http/exchange.ts";
import type { Framing } from "../service/http/framing.ts";
import { withoutClaims } from "../service/client/client_claims.ts";
import { HeaderList } from "../service/http/headers.ts";
import { HttpVersion as Version } from "../service/http/exchange.ts";
import { type CacheOverride, NO_OVERRIDE } from "../service/cache/http/override.ts";

/** Request of a client. */
export interface ClientRequest {
  readonly exchange: Exchange;
  /** 32 hexadecimal digits. */
  readonly id: string;
}

/** Request handle: the client's request, or one that the guest has made. */
export class GuestRequest {
  method = "GET";
  url = "/";
  version: HttpVersion = Version.http11;
  headers: HeaderList = new HeaderList();
  framing: Framing = "automatic";
  /** Whether a response with gzip coding is decoded for the guest. */
  gunzip = false;
  cacheOverride: CacheOverride = NO_OVERRIDE;
  /** Service whose cache entries the request uses; the guest's own if undefined. */
  onBehalfOf: string | undefined;
  /** Client's request that the handle stands for; undefined for a request that the guest has made. */
  readonly clientRequest: ClientRequest | undefined;

  /** @param clientRequest Client's request to copy, without the fields that clients may not set. */
  constructor(clientRequest?: ClientRequest) {
    this.clientRequest = clientRequest;
    if (!clientRequest) return;
    const { head } = clientRequest.exchange;
    this.method = head.method;
    this.url = head.url;
    this.version = head.version;
    this.headers = withoutClaims(head.headers);
    if (head.url.startsWith("https:")) this.headers.append("fastly-ssl", "1");
  }
}

/** Facts about a request that matter when its response is stored. */
interface RequestConditions {
  /** Whether the request had content, or may have had. */
  readonly content: boolean;
  /** Field `If-None-Match`. */
  readonly tags: string | undefined;
}

/** Response handle: a backend's response, or one that the guest has made. */
export class GuestResponse {
  status = 200;
  version: HttpVersion = Version.http11;
  headers: HeaderList = new HeaderList();
  framing: Framing = "automatic";
  /** Whether the client's connection is kept for further requests. */
  keepAlive = true;
  /** Address of the backend, for a response that came over a socket. */
  peer: { readonly address: string; readonly port: number } | undefined;
  /** Facts about the request, for a backend's response to a cacheable one. */
  conditions: RequestConditions | undefined;
}
