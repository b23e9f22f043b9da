/** `fastly_backend`: what a guest may ask about a backend by its name. @module */
import type { Sandbox } from "../handles/sandbox.ts";
import type { BackendOptions } from "../service/backend.ts";
import type { Backend } from "../service/backends.ts";
import { refuse } from "../service/errors.ts";
import { call, type Hostcall, type Input, type Namespace, namespace } from "./_define.ts";
import type { Output } from "./_define.ts";
import { text } from "./_in.ts";
import * as out from "./_out.ts";

const HEALTH = ["unknown", "healthy", "unhealthy"];
const TLS_VERSIONS = ["1.0", "1.1", "1.2", "1.3"];

/** A backend that there is. */
const backend: Input<Backend> = {
  words: text.words,
  read(sandbox, args, at) {
    const name = text.read(sandbox, args, at);
    return sandbox.findBackend(name) ?? refuse("invalid", `Cannot find backend "${name}"`);
  },
};

function ask<T>(
  output: Output<T>,
  answer: (backend: Backend, sandbox: Sandbox) => NoInfer<T>,
): Hostcall {
  return call([backend], output, (sandbox, backend) => answer(backend, sandbox));
}

/** An option of the backend; None when it is not set. */
function setting(read: (options: BackendOptions) => number | undefined): Hostcall {
  return ask(out.u32, ({ options }) => (options && read(options)) ?? notSet());
}

export const backends: Namespace = namespace("fastly_backend", {
  exists: call([text], out.bool, (sandbox, name) => sandbox.findBackend(name) !== undefined),
  is_healthy: ask(out.u32, ({ health }) => HEALTH.indexOf(health)),
  is_dynamic: ask(out.bool, ({ name }, sandbox) => sandbox.isDynamic(name)),
  get_host: ask(out.text, ({ host }) => host),
  get_override_host: ask(out.text, ({ options }) => options?.hostOverride ?? notSet()),
  get_port: ask(out.u16, ({ port }) => port),
  is_ssl: ask(out.bool, ({ secure }) => secure),
  get_connect_timeout_ms: setting(({ timeouts }) => timeouts?.connect),
  get_first_byte_timeout_ms: setting(({ timeouts }) => timeouts?.firstByte),
  get_between_bytes_timeout_ms: setting(({ timeouts }) => timeouts?.betweenBytes),
  /** Here alone 0 says that nothing is set: SDKs take no other answer. */
  get_http_keepalive_time: ask(out.u32, ({ options }) => options?.keepAlive ?? 0),
  get_tcp_keepalive_enable: setting(({ tcpKeepAlive }) =>
    tcpKeepAlive && Number(tcpKeepAlive.enable ?? true)
  ),
  get_tcp_keepalive_interval: setting(({ tcpKeepAlive }) => tcpKeepAlive?.interval),
  get_tcp_keepalive_probes: setting(({ tcpKeepAlive }) => tcpKeepAlive?.probes),
  get_tcp_keepalive_time: setting(({ tcpKeepAlive }) => tcpKeepAlive?.time),
  get_ssl_min_version: setting(({ tls }) => version(tls?.minVersion)),
  get_ssl_max_version: setting(({ tls }) => version(tls?.maxVersion)),
  // These four are not in the ABI: the other host has them.
  get_max_connections: setting(({ pool }) => pool ? pool.maxConnections : undefined),
  get_max_use: setting(({ pool }) => pool ? pool.maxUse : undefined),
  get_max_lifetime_ms: setting(({ pool }) => pool ? pool.maxLifetime : undefined),
  is_ipv6_preferred: ask(out.bool, ({ options }) => !options?.preferIpv4),
});

function version(version: string | undefined): number | undefined {
  return version === undefined ? undefined : TLS_VERSIONS.indexOf(version);
}

function notSet(): never {
  refuse("absent", "Cannot tell: the backend does not set it");
}
