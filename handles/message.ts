import type { Exchange, HttpVersion } from "../service/http/exchange.ts";
import type { Framing } from "../service/http/framing.ts";
import { withoutClaims } from "../service/client/client_claims.ts";
import { HeaderList } from "../service/http/headers.ts";
import { HttpVersion as Version } from "../service/http/exchange.ts";
import { type CacheOverride, NO_OVERRIDE } from "../service/cache/http/override.ts";

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
  cacheOverride: CacheOverride = NO_OVERRIDE;
  /** The service whose cache entries the request is to use; the guest's own if undefined. */
  onBehalfOf: string | undefined;
  /** The client's request behind it, if a client sent it. */
  readonly clientRequest: ClientRequest | undefined;

  /** @param clientRequest The client's request to make it of; the fields in which clients have no say are left out. */
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

/** What of a request matters to those who store its response. */
interface RequestConditions {
  /** Whether it had content, or may have had. */
  readonly content: boolean;
  /** Its `If-None-Match`. */
  readonly tags: string | undefined;
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
  /** What was asked, of a backend's response to a request that could have been cached. */
  conditions: RequestConditions | undefined;
}
