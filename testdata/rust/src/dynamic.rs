//! Dynamic backends with the SDK's own options. Certificates come from the config store `tls`, keys from the
//! secret store of that name.

use crate::{query, text};
use fastly::backend::{BackendBuilder, BackendCreationError};
use fastly::experimental::dynamic_backend_healthchecks::HealthcheckBuilder;
use fastly::experimental::{BackendExt, BodyExt, GrpcBackend, StreamingBodyExt};
use fastly::http::StatusCode;
use fastly::secret_store::SecretStore;
use fastly::{Backend, ConfigStore, Request, Response};
use std::io::{Read, Write};
use std::num::NonZeroU32;
use std::time::Duration;

const TLS: &str = "tls";

/// The routes of this file, which begin with `/dynamic-`. Each takes `?target=HOST:PORT`.
pub fn answer(path: &str, req: &Request) -> Response {
    let route: fn(&Request, BackendBuilder) -> Response = match path {
        "/dynamic-tls" => tls,
        "/dynamic-grpc" => grpc,
        "/dynamic-settings" => settings,
        "/dynamic-defaults" => |_, builder| with_backend(builder, told),
        "/dynamic-health" => health,
        _ => return text("not found\n").with_status(StatusCode::NOT_FOUND),
    };
    let target = query(req, "target").unwrap_or_default();
    route(req, Backend::builder("dynamic", target))
}

/// `?ca` trusts the store's `ca`, `?host=` is the certificate's name, `?client` shows a certificate.
fn tls(req: &Request, mut builder: BackendBuilder) -> Response {
    builder = builder.enable_ssl();
    let store = ConfigStore::open(TLS);
    if query(req, "ca").is_some() {
        builder = builder.ca_certificate(store.get("ca").unwrap_or_default());
    }
    if let Some(host) = query(req, "host") {
        builder = builder.check_certificate(&host).sni_hostname(&host);
    }
    if query(req, "client").is_some() {
        let keys = SecretStore::open(TLS).expect("a secret store");
        let key = keys.get("key").expect("a key");
        let certificate = store.get("certificate").unwrap_or_default();
        builder = builder.provide_client_certificate(certificate, key);
    }
    let request = Request::get("http://origin.test/");
    with_backend(builder, |backend| match request.send(backend) {
        Ok(mut response) => {
            let version = response.get_version();
            text(&format!("{version:?} {}", response.take_body_str()))
        }
        Err(error) => failure(format!("{:?}", error.root_cause())),
    })
}

/// Posts a body with a trailer; tells the version, the body and the trailers of the answer.
fn grpc(_: &Request, builder: BackendBuilder) -> Response {
    with_backend(builder.for_grpc(true), |backend| {
        let request = Request::post("http://origin.test/service/method")
            .with_header("te", "trailers")
            .with_header("content-type", "application/grpc");
        let (mut body, pending) = request.send_async_streaming(backend).expect("a send");
        body.write_all(b"message").expect("a write");
        body.append_trailer("x-checksum", "7");
        body.finish().expect("the end of the body");
        match pending.wait() {
            Ok(mut response) => {
                let version = response.get_version();
                let mut body = response.take_body();
                let mut message = String::new();
                body.read_to_string(&mut message).expect("a whole body");
                let trailers = body.get_trailers().expect("trailers");
                let status = trailers
                    .get("grpc-status")
                    .map(|status| format!("{status:?}"));
                text(&format!("{version:?} {message} {status:?}\n"))
            }
            Err(error) => failure(format!("{:?}", error.root_cause())),
        }
    })
}

/// What the getters answer for a backend that sets everything.
fn settings(_: &Request, builder: BackendBuilder) -> Response {
    let number = |n| NonZeroU32::new(n).expect("not zero");
    let builder = builder
        .override_host("override.test")
        .connect_timeout(Duration::from_millis(1))
        .first_byte_timeout(Duration::from_millis(2))
        .between_bytes_timeout(Duration::from_millis(3))
        .http_keepalive_time(Duration::from_millis(4))
        .tcp_keepalive_interval_secs(number(5))
        .tcp_keepalive_probes(number(6))
        .tcp_keepalive_time_secs(number(7))
        .max_connections(8)
        .max_use(9)
        .max_lifetime(Duration::from_millis(10))
        .prefer_ipv6(false)
        .enable_pooling(false);
    with_backend(builder, told)
}

/// What the getters answer.
fn told(backend: Backend) -> Response {
    text(&format!(
        "{:?} {:?} {:?} {:?} {:?} {} {:?} {} {:?}\n",
        backend.get_host_override(),
        backend.get_connect_timeout(),
        backend.get_first_byte_timeout(),
        backend.get_between_bytes_timeout(),
        backend.get_http_keepalive_time(),
        backend.get_tcp_keepalive_enable(),
        backend.get_tcp_keepalive_interval(),
        backend.get_tcp_keepalive_probes(),
        backend.get_tcp_keepalive_time(),
    ))
}

/// `?initial=` good probes of 5 at first, where 3 make the backend healthy.
fn health(req: &Request, builder: BackendBuilder) -> Response {
    let initial = query(req, "initial")
        .and_then(|n| n.parse().ok())
        .unwrap_or(4);
    let check = HealthcheckBuilder::new("health.test").initial(initial);
    with_backend(builder.healthcheck(check), |backend| {
        text(&format!("{:?}\n", backend.is_healthy().ok()))
    })
}

fn with_backend(builder: BackendBuilder, answer: impl FnOnce(Backend) -> Response) -> Response {
    match builder.finish() {
        Ok(backend) => answer(backend),
        Err(BackendCreationError::NameInUse) => failure("name in use".to_owned()),
        Err(error) => failure(error.to_string()),
    }
}

fn failure(detail: String) -> Response {
    text(&format!("{detail}\n")).with_status(StatusCode::BAD_GATEWAY)
}
