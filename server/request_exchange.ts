import type { Payload } from "../service/http/bytes.ts";
import type { ClientFacts, ResponseHead } from "../service/http/exchange.ts";
import type { ByteStream } from "./byte_stream.ts";
import { type ExchangeParts, type ExchangeWriter, ServerExchange } from "./exchange.ts";
import type { RequestHeadFields } from "./request_head.ts";

/** Connection of an exchange, as {@linkcode exchangeFor} uses it. */
export interface ExchangeConnection {
  readonly client: ClientFacts;
  readonly scheme: "http" | "https";
  /** Writes the head of a response that changes protocols, and hands over the stream. */
  switchProtocol(head: ResponseHead): ByteStream;
}

/** Makes the exchange of a request in HTTP/1 (RFC 9112, section 3.3: its URL). */
export function exchangeFor(
  head: RequestHeadFields,
  body: Payload,
  writer: ExchangeWriter,
  connection: ExchangeConnection,
): ServerExchange {
  const { client, scheme } = connection;
  const { method, target, path, version, headers } = head;
  const authority = head.authority || addressOf(client);
  const parts: ExchangeParts = {
    head: { method, url: `${scheme}://${authority}${path}`, version, headers },
    target,
    body,
    client,
    writer,
  };
  if (!head.upgrades) return new ServerExchange(parts);
  let stream: ByteStream | undefined;
  let before = 0;
  return new ServerExchange({
    ...parts,
    takeOver: (head) => {
      stream = connection.switchProtocol(head);
      before = stream.bytesWritten ?? 0;
      return stream;
    },
    bytesAfter: () => (stream?.bytesWritten ?? 0) - before,
  });
}

/** Returns the authority for a request that has none: the address that the client has connected to. */
function addressOf({ serverAddress: address, serverPort }: ClientFacts): string {
  return address.includes(":") ? `[${address}]:${serverPort}` : `${address}:${serverPort}`;
}
