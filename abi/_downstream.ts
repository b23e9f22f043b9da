/**
 * Hostcalls about the client of a request. They are declared once for `fastly_http_downstream`, whose calls name the
 * request, and for `fastly_http_req`, whose older calls are about the current one.
 *
 * @module
 */
import { type ClientRequest, GuestRequest } from "../handles/message.ts";
import { EMPTY } from "../service/http/bytes.ts";
import { type ClientFacts, VERIFY_RESULTS } from "../service/client/client_facts.ts";
import { refuse } from "../service/errors.ts";
import type { Exchange } from "../service/http/exchange.ts";
import type { ServiceOptions } from "../service/options.ts";
import type { Hostcall, Input, Output } from "./_define.ts";
import { call } from "./_define.ts";
import { ref } from "./_in.ts";
import * as out from "./_out.ts";
import { fromHex } from "../service/util/hex.ts";

const guestRequest = ref(GuestRequest);

/** Client's request, by handle. */
export const clientRequest: Input<ClientRequest> = {
  coreTypes: guestRequest.coreTypes,
  read: (sandbox, args, at) =>
    guestRequest.read(sandbox, args, at).clientRequest ??
      refuse("failed", "Cannot tell about the client of a request that the guest made"),
};

/** Facts about the client of a request, by the request's handle. */
export const client: Input<ClientFacts> = {
  coreTypes: clientRequest.coreTypes,
  read: (sandbox, args, at) =>
    sandbox.service.factsOf(clientRequest.read(sandbox, args, at).exchange),
};

type Ask = <O>(
  output: Output<O>,
  answer: (facts: ClientFacts, request: ClientRequest) => NoInfer<O>,
) => Hostcall;

const askNamed: Ask = (output, answer) =>
  call(
    [clientRequest],
    output,
    ({ service }, request) => answer(service.factsOf(request.exchange), request),
  );

const askCurrent: Ask = (output, answer) =>
  call(
    [],
    output,
    ({ service, requests: { current } }) => answer(service.factsOf(current.exchange), current),
  );

function facts(ask: Ask) {
  // The Go SDK fails a request over https whose TLS facts are absent, so those are empty instead.
  const tls = <T extends string | Uint8Array>(
    output: Output<T>,
    fact: (facts: NonNullable<ClientFacts["tls"]>) => T | undefined,
    empty: T,
  ) =>
    ask(out.known(output), ({ tls = {} }, { exchange }) => {
      const found = fact(tls);
      if (found !== undefined) return found;
      return exchange.head.url.startsWith("https:") ? empty : undefined;
    });
  const tlsText = (fact: Parameters<typeof tls<string>>[1]) => tls(out.text, fact, "");
  return {
    client_ip_addr: ask(out.address, ({ address }) => address),
    server_ip_addr: ask(out.address, ({ serverAddress }) => serverAddress),
    client_request_id: ask(out.text, (_, { id }) => id),
    client_h2_fingerprint: ask(out.known(out.text), ({ h2Fingerprint }) => h2Fingerprint),
    client_oh_fingerprint: ask(out.known(out.text), ({ ohFingerprint }) => ohFingerprint),
    client_ddos_detected: ask(out.bool, ({ ddosDetected = false }) => ddosDetected),
    compliance_region: ask(out.text, ({ region = "none" }) => region),
    tls_cipher_openssl_name: tlsText(({ cipher }) => cipher),
    tls_protocol: tlsText(({ protocol }) => protocol),
    tls_client_hello: tls(out.bytes, ({ clientHello }) => clientHello, EMPTY),
    tls_raw_client_certificate: tlsText(({ clientCertificate }) => clientCertificate),
    tls_client_cert_verify_result: ask(
      out.known(out.u32),
      ({ tls: { verifyResult } = {} }) => verifyResult && VERIFY_RESULTS.indexOf(verifyResult),
    ),
    tls_client_servername: tlsText(({ serverName }) => serverName),
    tls_ja3_md5: tls(
      out.octets,
      ({ ja3 }) => ja3 === undefined ? undefined : fromHex(ja3),
      new Uint8Array(16), // Rust's SDK ends the guest on any other length
    ),
    tls_ja4: tlsText(({ ja4 }) => ja4),
  };
}

/** Hostcalls about the client of a named request. */
export const factsOf: Readonly<Record<string, Hostcall>> = facts(askNamed);
/** Hostcalls about the client of the current request. */
export const currentFacts: Readonly<Record<string, Hostcall>> = facts(askCurrent);

/** Returns the distinct header names in the client's spelling and order. */
export function originalNames({ head }: Exchange): string[] {
  const seen = new Map<string, string>();
  for (const [name] of head.headers) {
    const key = name.toLowerCase();
    if (!seen.has(key)) seen.set(key, name);
  }
  return [...seen.values()];
}

/** Tells whether the request's `fastly-key` is in the option `fastlyKeys`. */
export function hasValidKey({ head }: Exchange, { fastlyKeys = [] }: ServiceOptions): boolean {
  const key = head.headers.get("fastly-key");
  return key !== undefined && fastlyKeys.includes(key);
}

/** Adds a prefix to every name. */
export function prefixed(
  prefix: string,
  calls: Readonly<Record<string, Hostcall>>,
): Record<string, Hostcall> {
  return Object.fromEntries(Object.entries(calls).map(([name, call]) => [prefix + name, call]));
}
