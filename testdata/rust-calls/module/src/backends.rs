//! Backends, and what is asked on the way to them.

use crate::call;
use crate::http::{content, filled, new_request};
use crate::said::{done, line, made, number, text, told};
use fastly_shared::FastlyStatus;
use fastly_sys::{
    fastly_backend as backend,
    fastly_http_req::{self as http_req, InspectInfo, InspectInfoMask},
    fastly_image_optimizer::{
        self as image_optimizer, ImageOptimizerErrorDetail, ImageOptimizerTransformConfig,
        ImageOptimizerTransformConfigOptions,
    },
    fastly_secret_store as secret_store,
    fastly_shielding::{self as shielding, ShieldBackendConfig, ShieldBackendOptions},
    BackendConfigOptions as Options, DynamicBackendConfig, HealthcheckConfig,
};

macro_rules! ask {
    ($of:ident; $($name:literal $f:ident $type:ty;)*) => { $(
        number::<$type>(concat!("backend.[method]backend.", $name), |out| {
            call!(backend::$f; str $of, out)
        });
    )* };
}

/// Everything that can be asked of a backend.
fn tell(of: &str) {
    told("backend.[method]backend.get-host", |at, room, length| {
        call!(backend::get_host; str of, at, room, length)
    });
    told("backend.[method]backend.get-override-host", |at, room, length| {
        call!(backend::get_override_host; str of, at, room, length)
    });
    number::<u32>("backend.[method]backend.is-healthy", |out| {
        call!(backend::is_healthy; str of, out.cast())
    });
    ask!(of; "is-dynamic" is_dynamic u32;);
    ask!(of;
        "get-port" get_port u16;
        "get-connect-timeout-ms" get_connect_timeout_ms u32;
        "get-first-byte-timeout-ms" get_first_byte_timeout_ms u32;
        "get-between-bytes-timeout-ms" get_between_bytes_timeout_ms u32;
        "is-tls" is_ssl u32;
    );
    version("get-tls-min-version", |out| call!(backend::get_ssl_min_version; str of, out));
    version("get-tls-max-version", |out| call!(backend::get_ssl_max_version; str of, out));
    ask!(of;
        "get-http-keepalive-time" get_http_keepalive_time u32;
        "get-tcp-keepalive-enable" get_tcp_keepalive_enable u32;
        "get-tcp-keepalive-interval" get_tcp_keepalive_interval u32;
        "get-tcp-keepalive-probes" get_tcp_keepalive_probes u32;
        "get-tcp-keepalive-time" get_tcp_keepalive_time u32;
    );
}

/// A version of TLS: the module's spelling counts from 1.0 on, the component's has the numbers of the wire.
fn version(name: &str, call: impl FnOnce(*mut u32) -> FastlyStatus) {
    let name = format!("backend.[method]backend.{name}");
    let mut out = 0;
    let status = call(&mut out);
    if status.is_ok() {
        line(&name, 0x0301 + out);
    } else {
        done(&name, status);
    }
}

pub fn backend() {
    let of = "configured";
    println!("{of}");
    tell(of);
}

fn register(name: &str, target: &str, mask: Options, config: &DynamicBackendConfig) -> FastlyStatus {
    call!(http_req::register_dynamic_backend; str name, str target, mask, config)
}

fn said(name: &str, status: FastlyStatus) {
    if status.is_ok() {
        line(name, "a handle");
    } else {
        done(name, status);
    }
}

pub fn dynamic() {
    let (host, cert, ca) = ("other.test", "cert.test", "an authority");
    let (ciphers, sni, certificate) = ("ECDHE-RSA-AES128-GCM-SHA256", "sni.test", "a certificate");
    let config = DynamicBackendConfig {
        host_override: host.as_ptr(),
        host_override_len: host.len() as u32,
        connect_timeout_ms: 1100,
        first_byte_timeout_ms: 2200,
        between_bytes_timeout_ms: 3300,
        ssl_min_version: 1,
        ssl_max_version: 2,
        cert_hostname: cert.as_ptr(),
        cert_hostname_len: cert.len() as u32,
        ca_cert: ca.as_ptr(),
        ca_cert_len: ca.len() as u32,
        ciphers: ciphers.as_ptr(),
        ciphers_len: ciphers.len() as u32,
        sni_hostname: sni.as_ptr(),
        sni_hostname_len: sni.len() as u32,
        client_certificate: certificate.as_ptr(),
        client_certificate_len: certificate.len() as u32,
        client_key: made(|out| call!(secret_store::from_bytes; str b"a key", out)),
        http_keepalive_time_ms: 4400,
        tcp_keepalive_enable: 1,
        tcp_keepalive_interval_secs: 5,
        tcp_keepalive_probes: 6,
        tcp_keepalive_time_secs: 7,
        max_connections: 8,
        max_use: 9,
        max_lifetime_ms: 9900,
        ..Default::default()
    };
    let without = Options::RESERVED
        | Options::DONT_POOL
        | Options::GRPC
        | Options::PREFER_IPV4
        | Options::HEALTHCHECK;
    let name = "backend.register-dynamic-backend";
    let status = register("made", "dynamic.test:8443", Options::all() - without, &config);
    said(name, status);
    tell("made");
    said(name, register("made", "dynamic.test", Options::PREFER_IPV4, &Default::default()));
}

pub fn probe() {
    let (host, method, path) = ("probe.test", "GET", "/health");
    let probe = HealthcheckConfig {
        interval_ms: 60_000,
        timeout_ms: 3000,
        host: host.as_ptr(),
        host_len: host.len() as u32,
        method: method.as_ptr(),
        method_len: method.len() as u32,
        path: path.as_ptr(),
        path_len: path.len() as u32,
        expected_status: 204,
        window: 6,
        threshold: 4,
        initial: 3,
    };
    let config = DynamicBackendConfig { healthcheck: &probe, ..Default::default() };
    let mask = Options::HEALTHCHECK | Options::PREFER_IPV4;
    said("backend.register-dynamic-backend", register("probed", "127.0.0.1:1", mask, &config));
}

fn image(name: &str, body: u32) {
    let claims = "width=20";
    let config = ImageOptimizerTransformConfig {
        sdk_claims_opts: claims.as_ptr(),
        sdk_claims_opts_len: claims.len() as u32,
    };
    let (mut resp, mut out) = (0, 0);
    let mut detail = ImageOptimizerErrorDetail::uninitialized();
    let req = new_request("http://origin.test/image?width=10");
    let status = call!(
        image_optimizer::transform_image_optimizer_request;
        req, body, str "origin", ImageOptimizerTransformConfigOptions::SDK_CLAIMS_OPTS, &config,
        &mut detail, &mut resp, &mut out
    );
    if !status.is_ok() {
        return done(name, status);
    }
    line(name, "a handle a handle");
    println!("{}", content(out));
}

pub fn services(req: u32, body: u32) {
    let site = "lga-ny-us";
    let mut written = 0;
    told("shielding.shield-info", |at, room, length| {
        let status = call!(shielding::shield_info; str site, at, room, &mut written);
        unsafe { *length = written as usize };
        status
    });
    let key = "a key";
    let config = ShieldBackendConfig {
        cache_key: key.as_ptr(),
        cache_key_len: key.len() as u32,
        first_byte_timeout_ms: 1100,
        between_bytes_timeout_ms: 2200,
    };
    let mask = ShieldBackendOptions::all() - ShieldBackendOptions::RESERVED;
    let mut written = 0;
    let backend = text(|at, room, length| {
        let status =
            call!(shielding::backend_for_shield; str site, mask, &config, at, room, &mut written);
        unsafe { *length = written as usize };
        status
    });
    line("shielding.backend-for-shield", "a handle");
    println!("{}", text(|at, room, n| call!(backend::get_host; str backend, at, room, n)));
    let mut timeout = 0;
    assert!(call!(backend::get_first_byte_timeout_ms; str backend, &mut timeout).is_ok());
    println!("{timeout}");
    let (corp, workspace, address) = ("a corp", "a workspace", [192, 0, 2, 7]);
    let info = InspectInfo {
        corp: corp.as_ptr(),
        corp_len: corp.len() as u32,
        workspace: workspace.as_ptr(),
        workspace_len: workspace.len() as u32,
        override_client_ip_ptr: address.as_ptr(),
        override_client_ip_len: 4,
    };
    let mask = InspectInfoMask::all() - InspectInfoMask::RESERVED;
    told("security.inspect", |at, room, length| {
        call!(http_req::inspect; req, body, mask, &info, at, room, length)
    });
    image("image-optimizer.send-to-image-optimizer", u32::MAX - 1);
    image("image-optimizer.transform-image-optimizer-request", filled(b""));
}
