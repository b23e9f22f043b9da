/**
 * What a guest may ask of the client behind a request: declared once, for the calls of `fastly_http_downstream`, which
 * name the request, and for their older twins in `fastly_http_req`, which mean the current one.
 *
 * @module
 */
import { GuestRequest } from "../handles/message.ts";
import type { Sandbox } from "../handles/sandbox.ts";
import { octetsOf } from "../service/address.ts";
import { EMPTY } from "../service/bytes.ts";
import { refuse } from "../service/errors.ts";
import type { Exchange } from "../service/exchange.ts";
import type { Hostcall, Input, Output } from "./_define.ts";
import { call } from "./_define.ts";
import { ref } from "./_in.ts";
import * as out from "./_out.ts";

type Ask = <O>(
  output: Output<O>,
  answer: (exchange: Exchange, sandbox: Sandbox) => NoInfer<O>,
) => Hostcall;

/** A request that came from a client, by handle. */
export const client: Input<Exchange> = {
  words: ["i32"],
  read: (sandbox, args, at) =>
    ref(GuestRequest).read(sandbox, args, at).exchange ??
      refuse("failed", "Cannot tell about the client of a request that the guest made"),
};

const askNamed: Ask = (output, answer) =>
  call([client], output, (sandbox, exchange) => answer(exchange, sandbox));

const askCurrent: Ask = (output, answer) =>
  call([], output, (sandbox) => answer(sandbox.exchange, sandbox));

function facts(ask: Ask) {
  const unknown = (what: string) => ask(out.bytes, () => absent(what));
  // The Go SDK gives up on a request under https whose TLS facts are absent: there they are empty.
  const unknownTls = (what: string, output: Output<Uint8Array> = out.bytes) =>
    ask(output, ({ head }) => head.url.startsWith("https:") ? EMPTY : absent(what));
  return {
    client_ip_addr: ask(out.octets, ({ client }) => octets(client.address)),
    server_ip_addr: ask(out.octets, ({ client }) => octets(client.serverAddress)),
    client_request_id: ask(out.text, (_, { id }) => id),
    client_h2_fingerprint: unknown("an HTTP/2 fingerprint"),
    client_oh_fingerprint: unknown("an original header fingerprint"),
    client_ddos_detected: ask(out.bool, () => false),
    compliance_region: ask(out.text, () => "none"),
    tls_cipher_openssl_name: unknownTls("a TLS cipher"),
    tls_protocol: unknownTls("a TLS protocol"),
    tls_client_hello: unknownTls("a TLS client hello"),
    tls_raw_client_certificate: unknown("a client certificate"),
    tls_client_cert_verify_result: ask(out.u32, () => absent("a client certificate")),
    tls_client_servername: unknownTls("a TLS server name"),
    tls_ja3_md5: unknownTls("a JA3 fingerprint", out.octets),
    tls_ja4: unknownTls("a JA4 fingerprint"),
  };
}

/** The facts of a named request. */
export const factsOf: Readonly<Record<string, Hostcall>> = facts(askNamed);
/** The facts of the current request. */
export const currentFacts: Readonly<Record<string, Hostcall>> = facts(askCurrent);

/** The header names as the client spelled them, once each, in their order. */
export function originalNames({ head }: Exchange): string[] {
  const seen = new Map<string, string>();
  for (const [name] of head.headers) {
    const key = name.toLowerCase();
    if (!seen.has(key)) seen.set(key, name);
  }
  return [...seen.values()];
}

/** Puts a prefix before every name. */
export function prefixed(
  prefix: string,
  calls: Readonly<Record<string, Hostcall>>,
): Record<string, Hostcall> {
  return Object.fromEntries(Object.entries(calls).map(([name, call]) => [prefix + name, call]));
}

function octets(address: string): Uint8Array {
  return octetsOf(address) ?? new Uint8Array();
}

function absent(what: string): never {
  refuse("absent", `Cannot tell ${what}: the listener has none`);
}
