/** Functions of `backend`, `shielding`, `image-optimizer` and `security`. @module */
import type { Body } from "../../handles/body.ts";
import type { GuestRequest } from "../../handles/message.ts";
import type { Sandbox } from "../../handles/sandbox.ts";
import type { Secret } from "../../handles/secret.ts";
import { EMPTY, type Payload } from "../../service/http/bytes.ts";
import { HEALTHCHECK_DEFAULTS } from "../../service/backends/health.ts";
import { refuse } from "../../service/errors.ts";
import { backends } from "../backend.ts";
import { checked, type Config } from "../_dynamic_backend.ts";
import { httpReq } from "../http_req.ts";
import { imageOptimizer } from "../image_optimizer.ts";
import { shielding } from "../shielding.ts";
import {
  asByteString,
  immediate,
  type Implementation,
  type Implementations,
  invoke,
  octetsOf,
  suspending,
} from "./define.ts";
import { NamedError } from "./errors.ts";
import { BackendName, OptionSet } from "./resources.ts";

/** Longest name of a backend, in characters, as in the reference of the ABI. */
const MAX_NAME = 1024;
/** Number of TLS 1.0 in the protocol; later versions follow (RFC 8446, section 4.2.1). */
const FIRST_TLS = 0x0301;
const TLS_VERSIONS = ["1.0", "1.1", "1.2", "1.3"] as const;
const UTF8 = new TextDecoder();

/** Function that returns a property of a backend. */
function ask(name: string): Implementation {
  return immediate((sandbox, backend: BackendName) =>
    invoke(backends.calls[name], sandbox, find(sandbox, backend))
  );
}

/** Function that returns a TLS version, as its number in the protocol. */
function askVersion(name: string): Implementation {
  return immediate((sandbox, backend: BackendName) => {
    const version = invoke<number>(backends.calls[name], sandbox, find(sandbox, backend));
    return FIRST_TLS + version;
  });
}

function find(sandbox: Sandbox, { name }: BackendName) {
  return sandbox.findBackend(name) ?? refuse("invalid", `Cannot find backend "${name}"`);
}

/** Function that sets an option, under its name in the record of the module ABI. */
function note(key: keyof Config): Implementation {
  return immediate((_, { values }: OptionSet, value: unknown) => void (values[key] = value));
}

function noteVersion(key: keyof Config): Implementation {
  return immediate((_, { values }: OptionSet, version: number) => {
    values[key] = TLS_VERSIONS[version - FIRST_TLS] ?? "unknown";
  });
}

/** Initial options of a dynamic backend, by their names in the record of the module ABI. */
const DEFAULTS = { tls: false, dontPool: false, grpc: false, preferIpv4: true };

function register(sandbox: Sandbox, name: string, target: string, options: OptionSet): BackendName {
  const { minVersion, maxVersion } = options.values;
  if (minVersion === "unknown" || maxVersion === "unknown") {
    refuse("invalid", "Cannot use a version of TLS that there is none of");
  }
  const config = { ...DEFAULTS, ...options.values };
  invoke(httpReq.calls.register_dynamic_backend, sandbox, name, asByteString(target), config);
  return new BackendName(name);
}

/** Initial options of a health check, as in Fastly's interface. */
const PROBE = {
  ...HEALTHCHECK_DEFAULTS,
  interval: BigInt(HEALTHCHECK_DEFAULTS.interval),
  timeout: BigInt(HEALTHCHECK_DEFAULTS.timeout),
};

function probe(host: string): OptionSet {
  if (!host) refuse("invalid", "Cannot probe without a host");
  const options = new OptionSet();
  Object.assign(options.values, PROBE, { host });
  return options;
}

function noteProbe(key: keyof typeof PROBE | "host"): Implementation {
  return immediate((_, { values }: OptionSet, value: unknown) => void (values[key] = value));
}

const OPTIONS = "[method]dynamic-backend-options.";
const HEALTHCHECK = "[method]healthcheck-options.";

export const backendFunctions: Implementations = {
  "register-dynamic-backend": immediate(register),
  "[constructor]dynamic-backend-options": immediate(() => new OptionSet()),
  [`${OPTIONS}override-host`]: note("hostOverride"),
  [`${OPTIONS}connect-timeout`]: note("connectTimeout"),
  [`${OPTIONS}first-byte-timeout`]: note("firstByteTimeout"),
  [`${OPTIONS}between-bytes-timeout`]: note("betweenBytesTimeout"),
  [`${OPTIONS}use-tls`]: note("tls"),
  [`${OPTIONS}tls-min-version`]: noteVersion("minVersion"),
  [`${OPTIONS}tls-max-version`]: noteVersion("maxVersion"),
  [`${OPTIONS}cert-hostname`]: note("certHost"),
  [`${OPTIONS}ca-certificate`]: note("ca"),
  [`${OPTIONS}tls-ciphers`]: note("ciphers"),
  [`${OPTIONS}sni-hostname`]: note("sni"),
  [`${OPTIONS}client-cert`]: immediate(
    (_, { values }: OptionSet, certificate: string, key: Secret) => {
      values.clientCertificate = certificate;
      values.clientKey = key;
    },
  ),
  [`${OPTIONS}http-keepalive-time-ms`]: note("keepAliveTime"),
  [`${OPTIONS}tcp-keepalive-enable`]: note("tcpKeepAlive"),
  [`${OPTIONS}tcp-keepalive-interval-secs`]: note("tcpKeepAliveInterval"),
  [`${OPTIONS}tcp-keepalive-probes`]: note("tcpKeepAliveProbes"),
  [`${OPTIONS}tcp-keepalive-time-secs`]: note("tcpKeepAliveTime"),
  [`${OPTIONS}max-connections`]: note("maxConnections"),
  [`${OPTIONS}max-use`]: note("maxUse"),
  [`${OPTIONS}max-lifetime-ms`]: note("maxLifetime"),
  [`${OPTIONS}pooling`]: immediate((_, { values }: OptionSet, pools: boolean) =>
    void (values.dontPool = !pools)
  ),
  [`${OPTIONS}grpc`]: note("grpc"),
  [`${OPTIONS}prefer-ipv6`]: immediate((_, { values }: OptionSet, prefers: boolean) =>
    void (values.preferIpv4 = !prefers)
  ),
  [`${OPTIONS}healthcheck`]: immediate((_, { values }: OptionSet, probe: OptionSet) =>
    void (values.healthcheck = checked(probe.values as Parameters<typeof checked>[0]))
  ),
  "[static]healthcheck-options.new": immediate((_, host: string) => probe(host)),
  [`${HEALTHCHECK}host`]: noteProbe("host"),
  [`${HEALTHCHECK}method`]: noteProbe("method"),
  [`${HEALTHCHECK}path`]: noteProbe("path"),
  [`${HEALTHCHECK}expected-status`]: noteProbe("expectedStatus"),
  [`${HEALTHCHECK}window`]: noteProbe("window"),
  [`${HEALTHCHECK}threshold`]: noteProbe("threshold"),
  [`${HEALTHCHECK}initial`]: noteProbe("initial"),
  [`${HEALTHCHECK}interval-ms`]: noteProbe("interval"),
  [`${HEALTHCHECK}timeout-ms`]: noteProbe("timeout"),
  "[static]backend.open": immediate((sandbox, name: string) => {
    if (!name) throw new NamedError("invalid-syntax", "Cannot open a backend without a name");
    if (name.length > MAX_NAME) {
      throw new NamedError("name-too-long", "Cannot open such a long name");
    }
    if (sandbox.findBackend(name)) return new BackendName(name);
    sandbox.reportMissing("backend", name);
    refuse("absent", `Cannot open backend "${name}": there is none`);
  }),
  "[method]backend.clone": immediate((_, { name }: BackendName) => new BackendName(name)),
  "[method]backend.get-name": immediate((_, { name }: BackendName) => name),
  "[method]backend.is-healthy": ask("is_healthy"),
  "[method]backend.is-dynamic": ask("is_dynamic"),
  "[method]backend.get-host": ask("get_host"),
  "[method]backend.get-override-host": ask("get_override_host"),
  "[method]backend.get-port": ask("get_port"),
  "[method]backend.get-connect-timeout-ms": ask("get_connect_timeout_ms"),
  "[method]backend.get-first-byte-timeout-ms": ask("get_first_byte_timeout_ms"),
  "[method]backend.get-between-bytes-timeout-ms": ask("get_between_bytes_timeout_ms"),
  "[method]backend.is-tls": ask("is_ssl"),
  "[method]backend.get-tls-min-version": askVersion("get_ssl_min_version"),
  "[method]backend.get-tls-max-version": askVersion("get_ssl_max_version"),
  "[method]backend.get-http-keepalive-time": ask("get_http_keepalive_time"),
  "[method]backend.get-tcp-keepalive-enable": ask("get_tcp_keepalive_enable"),
  "[method]backend.get-tcp-keepalive-interval": ask("get_tcp_keepalive_interval"),
  "[method]backend.get-tcp-keepalive-probes": ask("get_tcp_keepalive_probes"),
  "[method]backend.get-tcp-keepalive-time": ask("get_tcp_keepalive_time"),
};

/** Buffer of unlimited size, in place of one in guest memory. */
function room(): { readonly length: number; fill(bytes: Uint8Array): number; text(): string } {
  let kept: Uint8Array = EMPTY;
  return {
    length: Infinity,
    fill(bytes) {
      kept = bytes;
      return bytes.length;
    },
    text: () => UTF8.decode(kept),
  };
}

export const shieldingFunctions: Implementations = {
  "shield-info": immediate((sandbox, name: string) => {
    const buffer = room();
    invoke(shielding.calls.shield_info, sandbox, name, buffer);
    return buffer.text();
  }),
  "backend-for-shield": immediate((sandbox, name: string, options: OptionSet | undefined) => {
    const buffer = room();
    invoke(shielding.calls.backend_for_shield, sandbox, name, options?.values ?? {}, buffer);
    return new BackendName(buffer.text());
  }),
  "[constructor]shield-backend-options": immediate(() => new OptionSet()),
  "[method]shield-backend-options.set-cache-key": immediate((
    _,
    { values }: OptionSet,
    key: string,
  ) => void (values.cacheKey = key)),
  "[method]shield-backend-options.set-first-byte-timeout": immediate(
    (_, { values }: OptionSet, timeout: number) => void (values.firstByte = timeout),
  ),
  "[method]shield-backend-options.set-between-bytes-timeout": immediate(
    (_, { values }: OptionSet, timeout: number) => void (values.betweenBytes = timeout),
  ),
};

const optimize = suspending((
  sandbox,
  request: GuestRequest,
  body: Body | undefined,
  { name }: BackendName,
  [query]: [string | undefined],
) => {
  const payload: Payload = body?.payload() ?? EMPTY;
  const { transform_image_optimizer_request: call } = imageOptimizer.calls;
  return invoke(call, sandbox, request, payload, name, query === undefined ? {} : { query });
});

export const imageOptimizerFunctions: Implementations = {
  "send-to-image-optimizer": optimize,
  "transform-image-optimizer-request": optimize,
};

type Inspected = [string?, string?, { tag: number; value: number[] }?];

export const securityFunctions: Implementations = {
  "inspect": suspending(async (
    sandbox,
    request: GuestRequest,
    body: Body,
    [corp, workspace, ip]: Inspected,
  ) => {
    const buffer = room();
    const info = { corp, workspace, clientIp: ip && octetsOf(ip) };
    await invoke<Promise<number>>(httpReq.calls.inspect, sandbox, request, body, info, buffer);
    return buffer.text();
  }),
};
