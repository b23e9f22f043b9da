/** `fastly_backend`: properties of a backend, by its name. @module */
import type { Sandbox } from "../handles/sandbox.ts";
import type { BackendOptions } from "../service/backends/definition.ts";
import type { Backend } from "../service/backends/backend.ts";
import { refuse } from "../service/errors.ts";
import { call, type Hostcall, type Input, type Namespace, namespace } from "./_define.ts";
import type { Output } from "./_define.ts";
import { text } from "./_in.ts";
import * as out from "./_out.ts";

const HEALTH = ["unknown", "healthy", "unhealthy"];
const TLS_VERSIONS = ["1.0", "1.1", "1.2", "1.3"];

/** Backend, by its name. */
const backend: Input<Backend> = {
  coreTypes: text.coreTypes,
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

/** Hostcall for an option of the backend; absent if it is not set. */
function setting(read: (options: BackendOptions) => number | undefined): Hostcall {
  return ask(out.known(out.u32), ({ options }) => options && read(options));
}

/**
 * Hostcall for an option of the backend, with Fastly's default if it is not set or the backend is a function. Without a
 * value Rust's SDK traps, and JavaScript's throws.
 */
function settingOr(
  platform: number,
  read: (options: BackendOptions) => number | boolean | undefined,
): Hostcall {
  return ask(out.u32, ({ options }) => Number((options && read(options)) ?? platform));
}

export const backends: Namespace = namespace("fastly_backend", {
  exists: call([text], out.bool, (sandbox, name) => sandbox.findBackend(name) !== undefined),
  is_healthy: ask(out.u32, ({ health }) => HEALTH.indexOf(health)),
  is_dynamic: ask(out.bool, ({ name }, sandbox) => sandbox.isDynamic(name)),
  get_host: ask(out.text, ({ host }) => host),
  get_override_host: ask(out.known(out.text), ({ options }) => options?.hostOverride),
  get_port: ask(out.u16, ({ port }) => port),
  is_ssl: ask(out.bool, ({ secure }) => secure),
  // The defaults are not in force here: a backend without a timeout of its own has none.
  get_connect_timeout_ms: settingOr(1000, ({ timeouts }) => timeouts?.connect),
  get_first_byte_timeout_ms: settingOr(15_000, ({ timeouts }) => timeouts?.firstByte),
  get_between_bytes_timeout_ms: settingOr(10_000, ({ timeouts }) => timeouts?.betweenBytes),
  get_http_keepalive_time: settingOr(600_000, ({ keepAlive }) => keepAlive),
  get_tcp_keepalive_enable: settingOr(1, ({ tcpKeepAlive }) => tcpKeepAlive?.enable),
  get_tcp_keepalive_interval: settingOr(10, ({ tcpKeepAlive }) => tcpKeepAlive?.interval),
  get_tcp_keepalive_probes: settingOr(3, ({ tcpKeepAlive }) => tcpKeepAlive?.probes),
  get_tcp_keepalive_time: settingOr(300, ({ tcpKeepAlive }) => tcpKeepAlive?.time),
  get_ssl_min_version: setting(({ tls }) => version(tls?.minVersion)),
  get_ssl_max_version: setting(({ tls }) => version(tls?.maxVersion)),
  // These four are not in Fastly's ABI, but in that of the Go host.
  get_max_connections: setting(({ pool }) => pool ? pool.maxConnections : undefined),
  get_max_use: setting(({ pool }) => pool ? pool.maxUse : undefined),
  get_max_lifetime_ms: setting(({ pool }) => pool ? pool.maxLifetime : undefined),
  is_ipv6_preferred: ask(out.bool, ({ options }) => !options?.preferIpv4),
});

function version(version: string | undefined): number | undefined {
  return version === undefined ? undefined : TLS_VERSIONS.indexOf(version);
}
