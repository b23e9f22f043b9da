/** `register_dynamic_backend`, by which a guest defines a backend. @module */
import { Secret } from "../handles/secret.ts";
import type { BackendOptions, Healthcheck, TlsVersion } from "../service/backends/definition.ts";
import { refuse } from "../service/errors.ts";
import { call, type Hostcall, type Input } from "./_define.ts";
import { byteString, oneOf, options, ref, text, u32, u64, unsigned } from "./_in.ts";
import * as out from "./_out.ts";

const MAX_NAME = 1024;
const MAX_CA = 64 * 1024;
const MAX_PROBE_TEXT = 8192;
const MAX_WINDOW = 15;
/** Bounds of a probe's interval and timeout, in milliseconds: the least value, and the first that is too large. */
const PROBE_TIMES = [1000n, 3_600_000n] as const;
const tlsVersion: Input<TlsVersion> = oneOf("1.0", "1.1", "1.2", "1.3");

/** Fields of `healthcheck_config`, in their order. */
const probe = options({
  interval: u64,
  timeout: u64,
  host: text,
  method: text,
  path: text,
  expectedStatus: u32,
  window: u32,
  threshold: u32,
  initial: u32,
});
/** Pointer to a `healthcheck_config`. */
const healthcheck: Input<Healthcheck> = {
  coreTypes: ["i32"],
  read: (sandbox, args, at) => checked(probe.read(sandbox, [0, unsigned(args, at)], 0)),
};

/** Fields of `dynamic_backend_config`, in their order; the numbers are bits of the mask. */
const config = options({
  hostOverride: [1, text],
  connectTimeout: [2, u32],
  firstByteTimeout: [3, u32],
  betweenBytesTimeout: [4, u32],
  minVersion: [6, tlsVersion],
  maxVersion: [7, tlsVersion],
  certHost: [8, text],
  ca: [9, byteString],
  ciphers: [10, byteString],
  sni: [11, text],
  clientCertificate: [13, byteString],
  clientKey: [13, ref(Secret)],
  keepAliveTime: [15, u32],
  tcpKeepAlive: [15, u32],
  tcpKeepAliveInterval: [15, u32],
  tcpKeepAliveProbes: [15, u32],
  tcpKeepAliveTime: [15, u32],
  maxConnections: [16, u32],
  maxUse: [16, u32],
  maxLifetime: [16, u32],
  healthcheck: [18, healthcheck],
}, { tls: 5, dontPool: 12, grpc: 14, preferIpv4: 17 });
/** Options of a dynamic backend. */
export type Config = ReturnType<typeof config.read>;

export const dynamicBackend: Hostcall = call(
  [text, byteString, config],
  out.none,
  (sandbox, name, target, given) => {
    if (!/^[^/?#@\s]+$/.test(target)) {
      refuse("invalid", `Cannot use "${target}" as a host and port`);
    }
    const options = optionsOf(target, given);
    try {
      sandbox.addBackend(sandbox.service.backends.make(name, options));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      refuse("invalid", error.message);
    }
  },
);

function optionsOf(target: string, given: Config): BackendOptions {
  const { hostOverride, connectTimeout, firstByteTimeout, betweenBytesTimeout } = given;
  checkLength("host override", hostOverride, 1, MAX_NAME);
  return {
    url: `${given.tls ? "https" : "http"}://${target}`,
    timeouts: defined({
      connect: connectTimeout,
      firstByte: firstByteTimeout,
      betweenBytes: betweenBytesTimeout,
    }),
    ...defined({
      hostOverride,
      tls: given.tls ? tlsOf(given) : undefined,
      grpc: given.grpc || undefined,
      keepAlive: given.keepAliveTime || undefined,
      tcpKeepAlive: tcpKeepAliveOf(given),
      pool: poolOf(given),
      preferIpv4: given.preferIpv4 || undefined,
      healthcheck: given.healthcheck,
    }),
  };
}

function tlsOf(given: Config): NonNullable<BackendOptions["tls"]> {
  const { certHost, ca, ciphers, sni, minVersion, maxVersion, clientCertificate, clientKey } =
    given;
  checkLength("certificate host", certHost, 1, MAX_NAME);
  checkLength("CA certificate", ca, 0, MAX_CA);
  checkLength("SNI host", sni, 0, MAX_NAME);
  return defined({
    certHost,
    ca,
    ciphers,
    sni: sni === "" ? false as const : sni,
    minVersion,
    maxVersion,
    clientCertificate: clientKey && {
      certificate: clientCertificate ?? "",
      key: new TextDecoder().decode(clientKey.plaintext),
    },
  });
}

/** Returns the options of TCP keep-alive. A number of 0 was not set by the guest, since all share one bit. */
function tcpKeepAliveOf(given: Config): BackendOptions["tcpKeepAlive"] | undefined {
  if (given.tcpKeepAlive === undefined) return undefined;
  return defined({
    enable: given.tcpKeepAlive !== 0,
    interval: given.tcpKeepAliveInterval || undefined,
    probes: given.tcpKeepAliveProbes || undefined,
    time: given.tcpKeepAliveTime || undefined,
  });
}

function poolOf(given: Config): BackendOptions["pool"] | undefined {
  if (given.dontPool) return false;
  const { maxConnections, maxUse, maxLifetime } = given;
  return maxConnections === undefined
    ? undefined
    : defined({ maxConnections, maxUse, maxLifetime });
}

/** Checks the options of a health check; invalid ones are refused. */
export function checked(
  { interval, timeout, ...rest }: ReturnType<typeof probe.read>,
): Healthcheck {
  const { host, method, path, window, threshold, initial } = rest;
  const [min, max] = PROBE_TIMES;
  for (const ms of [interval, timeout]) {
    if (ms < min || ms >= max) refuse("invalid", `Cannot probe with a time of ${ms} ms`);
  }
  if (host === "") refuse("invalid", "Cannot probe without a host");
  checkLength("probe's host and path", host + path, 1, MAX_PROBE_TEXT);
  checkLength("probe's method", method, 1, MAX_PROBE_TEXT);
  if (window > MAX_WINDOW || threshold > window || initial > window) {
    refuse("invalid", `Cannot probe with a threshold of ${threshold} of ${window} (${initial})`);
  }
  return { ...rest, interval: Number(interval), timeout: Number(timeout) };
}

function checkLength(what: string, value: string | undefined, min: number, max: number): void {
  if (value === undefined) return;
  const { length } = new TextEncoder().encode(value);
  if (length < min || length > max) {
    refuse("invalid", `Cannot use a ${what} of ${length} bytes`);
  }
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Returns the fields that are not undefined. */
function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Defined<T>;
}
