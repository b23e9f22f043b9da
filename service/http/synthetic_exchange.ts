import { discard, EMPTY, type Payload } from "./bytes.ts";
import {
  type ClientFacts,
  type Exchange,
  HttpVersion,
  type RequestHead,
  type ResponseHead,
} from "./exchange.ts";
import { HeaderList } from "./headers.ts";
import { RequestMetrics } from "./request_metrics.ts";

/** Exchange without a client, for a program that is run once and not served. Its response is discarded. */
export class SyntheticExchange implements Exchange {
  readonly head: RequestHead = {
    method: "GET",
    url: "http://example.com/",
    version: HttpVersion.http11,
    headers: new HeaderList(["host", "example.com"]),
  };
  readonly body: Payload = EMPTY;
  readonly client: ClientFacts = {
    address: "127.0.0.1",
    port: 0,
    serverAddress: "127.0.0.1",
    serverPort: 80,
  };
  readonly metrics: RequestMetrics = new RequestMetrics();

  inform(): void {}

  respond(_head: ResponseHead, body: Payload): void {
    discard(body);
  }

  onGone(): void {}
}
