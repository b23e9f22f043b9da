/** `register_dynamic_backend`: a backend that the guest defines for itself. @module */
import type { BackendOptions, TlsVersion } from "../service/backend.ts";
import { refuse } from "../service/errors.ts";
import { call, type Hostcall, type Input } from "./_define.ts";
import { byteString, oneOf, options, text, u32 } from "./_in.ts";
import * as out from "./_out.ts";

const MOST_NAME = 1024;
const MOST_CA = 64 * 1024;
const tlsVersion: Input<TlsVersion> = oneOf("1.0", "1.1", "1.2", "1.3");

/** Fields in the order of the record; the number is the field's bit in the mask. */
const config = options({
  hostOverride: [1, text],
  connectTimeout: [2, u32],
  firstByteTimeout: [3, u32],
  betweenBytesTimeout: [4, u32],
  minVersion: [6, tlsVersion],
  maxVersion: [7, tlsVersion],
  certHost: [8, text],
  ca: [9, text],
  ciphers: [10, text],
  sni: [11, text],
  clientCertificate: [13, text],
  clientKey: [13, u32],
  keepAliveTime: [15, u32],
  tcpKeepAlive: [15, u32],
  tcpKeepAliveInterval: [15, u32],
  tcpKeepAliveProbes: [15, u32],
  tcpKeepAliveTime: [15, u32],
  maxConnections: [16, u32],
  maxUse: [16, u32],
  maxLifetime: [16, u32],
  healthcheck: [18, u32],
}, { tls: 5, dontPool: 12, grpc: 14, preferIpv4: 17 });
type Config = ReturnType<typeof config.read>;

export const dynamicBackend: Hostcall = call(
  [text, byteString, config],
  out.none,
  (sandbox, name, target, given) => {
    if (!/^[^/?#@\s]+$/.test(target)) {
      refuse("invalid", `Cannot use "${target}" as a host and port`);
    }
    if (given.clientCertificate !== undefined) {
      refuse("unsupported", "Cannot use client certificates in dynamic backends yet");
    }
    if (given.grpc) refuse("unsupported", "Cannot use gRPC in dynamic backends yet");
    const { backends } = sandbox.service;
    try {
      sandbox.addBackend(backends.make(name, optionsOf(target, given)));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      refuse("invalid", error.message);
    }
  },
);

function optionsOf(target: string, given: Config): BackendOptions {
  const { hostOverride, connectTimeout, firstByteTimeout, betweenBytesTimeout } = given;
  checkLength("host override", hostOverride, 1, MOST_NAME);
  return {
    url: `${given.tls ? "https" : "http"}://${target}`,
    ...hostOverride !== undefined && { hostOverride },
    timeouts: {
      ...connectTimeout !== undefined && { connect: connectTimeout },
      ...firstByteTimeout !== undefined && { firstByte: firstByteTimeout },
      ...betweenBytesTimeout !== undefined && { betweenBytes: betweenBytesTimeout },
    },
    ...given.tls && { tls: tlsOf(given) },
  };
}

function tlsOf({ certHost, ca, ciphers, sni, minVersion, maxVersion }: Config) {
  checkLength("certificate host", certHost, 1, MOST_NAME);
  checkLength("CA certificate", ca, 0, MOST_CA);
  checkLength("SNI host", sni, 0, MOST_NAME);
  return {
    ...certHost !== undefined && { certHost },
    ...ca !== undefined && { ca },
    ...ciphers !== undefined && { ciphers },
    ...sni !== undefined && { sni: sni === "" ? false as const : sni },
    ...minVersion !== undefined && { minVersion },
    ...maxVersion !== undefined && { maxVersion },
  };
}

function checkLength(what: string, value: string | undefined, least: number, most: number): void {
  if (value === undefined || (value.length >= least && value.length <= most)) return;
  refuse("invalid", `Cannot use a ${what} of ${value.length} bytes`);
}
