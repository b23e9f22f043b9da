/**
 * HTTP/1 server for a program: keeps what a `Request` of `Deno.serve` loses (case, order and repeats of header fields,
 * informational responses, trailers, any status, upgrades).
 *
 * ```ts
 * import { Fastlike } from "../mod.ts";
 * import { listen } from "./mod.ts";
 *
 * await using app = await Fastlike.load(new URL("./app.wasm", import.meta.url));
 * const listener = await listen({
 *   hostname: "localhost",
 *   port: 5000,
 *   answer: (exchange) => app.answer(exchange),
 * });
 * console.log(`Listening on ${listener.url}`);
 * ```
 *
 * @module
 */

import { loadSecureBuiltins } from "../service/util/builtins.ts";

export type { Opening } from "./acceptor.ts";
export type { ByteStream } from "./byte_stream.ts";
export { HttpServer, type Protocol, type Scheme } from "./http_server.ts";
export type { KeptConnections } from "./kept_connections.ts";
export type { AccessEntry, HttpServerOptions, Listener, ListenOptions } from "./listen_options.ts";
export { listen } from "./listener.ts";
export type { Identity } from "./tls/identity.ts";
export type { ClientAuth, TlsOptions } from "./tls/tls_options.ts";
export type { ByteSource, Eventually, Payload } from "../service/http/bytes.ts";
export type {
  ClientFacts,
  Exchange,
  HttpVersion,
  RequestHead,
  ResponseHead,
} from "../service/http/exchange.ts";
export type { HeaderList } from "../service/http/headers.ts";
export type { CacheUse, RequestMetrics } from "../service/http/request_metrics.ts";

await loadSecureBuiltins(); // `HttpServer.serve` may get a connection with HTTP/2 at any time
