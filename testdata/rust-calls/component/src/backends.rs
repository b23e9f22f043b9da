//! Backends, and what is asked on the way to them.

use crate::fastly::compute::{
    backend::{self, Backend, DynamicBackendOptions, HealthcheckOptions},
    http_body::{self, Body},
    http_req::{self, Request},
    image_optimizer::{self, ImageOptimizerTransformOptions},
    secret_store::Secret,
    security::{self, InspectOptions},
    shielding::{self, ShieldBackendOptions},
    types::IpAddress,
};
use crate::http::content;
use crate::said::{say, take};
use crate::MOST;

macro_rules! ask {
    ($of:ident; $($name:literal $f:ident;)*) => {
        $(say(concat!("backend.[method]backend.", $name), $of.$f());)*
    };
}

/// Everything that can be asked of a backend.
fn tell(of: &Backend) {
    say("backend.[method]backend.get-host", of.get_host(MOST));
    say("backend.[method]backend.get-override-host", of.get_override_host(MOST));
    ask!(of;
        "is-healthy" is_healthy;
        "is-dynamic" is_dynamic;
        "get-port" get_port;
        "get-connect-timeout-ms" get_connect_timeout_ms;
        "get-first-byte-timeout-ms" get_first_byte_timeout_ms;
        "get-between-bytes-timeout-ms" get_between_bytes_timeout_ms;
        "is-tls" is_tls;
        "get-tls-min-version" get_tls_min_version;
        "get-tls-max-version" get_tls_max_version;
        "get-http-keepalive-time" get_http_keepalive_time;
        "get-tcp-keepalive-enable" get_tcp_keepalive_enable;
        "get-tcp-keepalive-interval" get_tcp_keepalive_interval;
        "get-tcp-keepalive-probes" get_tcp_keepalive_probes;
        "get-tcp-keepalive-time" get_tcp_keepalive_time;
    );
}

pub fn backend() {
    say("backend.[static]backend.open", Backend::open("nowhere"));
    let origin = take("backend.[static]backend.open", Backend::open("configured"));
    println!("{}", say("backend.[method]backend.clone", origin.clone()).get_name());
    say("backend.[method]backend.get-name", ());
    tell(&origin);
}

macro_rules! set {
    ($on:ident; $($name:literal $f:ident($($value:expr),*);)*) => { $(
        $on.$f($($value),*);
        say(concat!("backend.[method]dynamic-backend-options.", $name), ());
    )* };
}

pub fn dynamic() {
    let new = DynamicBackendOptions::new();
    let options = say("backend.[constructor]dynamic-backend-options", new);
    let key = Secret::from_bytes(b"a key").unwrap();
    set!(options;
        "override-host" override_host("other.test");
        "connect-timeout" connect_timeout(1100);
        "first-byte-timeout" first_byte_timeout(2200);
        "between-bytes-timeout" between_bytes_timeout(3300);
        "use-tls" use_tls(true);
        "tls-min-version" tls_min_version(0x0302);
        "tls-max-version" tls_max_version(0x0303);
        "cert-hostname" cert_hostname("cert.test");
        "ca-certificate" ca_certificate("an authority");
        "tls-ciphers" tls_ciphers("ECDHE-RSA-AES128-GCM-SHA256");
        "sni-hostname" sni_hostname("sni.test");
        "client-cert" client_cert("a certificate", &key);
        "http-keepalive-time-ms" http_keepalive_time_ms(4400);
        "tcp-keepalive-enable" tcp_keepalive_enable(1);
        "tcp-keepalive-interval-secs" tcp_keepalive_interval_secs(5);
        "tcp-keepalive-probes" tcp_keepalive_probes(6);
        "tcp-keepalive-time-secs" tcp_keepalive_time_secs(7);
        "max-connections" max_connections(8);
        "max-use" max_use(9);
        "max-lifetime-ms" max_lifetime_ms(9900);
        "pooling" pooling(true);
        "grpc" grpc(false);
        "prefer-ipv6" prefer_ipv6(true);
    );
    let name = "backend.register-dynamic-backend";
    let made = take(name, backend::register_dynamic_backend("made", "dynamic.test:8443", options));
    tell(&made);
    let twice = DynamicBackendOptions::new();
    say(name, backend::register_dynamic_backend("made", "dynamic.test", twice));
}

macro_rules! probe {
    ($on:ident; $($name:literal $f:ident($value:expr);)*) => {
        $(say(concat!("backend.[method]healthcheck-options.", $name), $on.$f($value));)*
    };
}

pub fn probe() {
    let probe = take("backend.[static]healthcheck-options.new", HealthcheckOptions::new("a.test"));
    probe!(probe;
        "host" host("probe.test");
        "method" method("GET");
        "path" path("/health");
        "expected-status" expected_status(204);
        "window" window(6);
        "threshold" threshold(4);
        "initial" initial(3);
        "interval-ms" interval_ms(60_000);
        "timeout-ms" timeout_ms(3000);
    );
    let options = DynamicBackendOptions::new();
    options.healthcheck(probe);
    say("backend.[method]dynamic-backend-options.healthcheck", ());
    let made = backend::register_dynamic_backend("probed", "127.0.0.1:1", options);
    say("backend.register-dynamic-backend", made);
}

pub fn services(req: &Request, body: &Body) {
    say("shielding.shield-info", shielding::shield_info("lga-ny-us", MOST));
    let options = say("shielding.[constructor]shield-backend-options", ShieldBackendOptions::new());
    options.set_cache_key("a key");
    say("shielding.[method]shield-backend-options.set-cache-key", ());
    options.set_first_byte_timeout(1100);
    say("shielding.[method]shield-backend-options.set-first-byte-timeout", ());
    options.set_between_bytes_timeout(2200);
    say("shielding.[method]shield-backend-options.set-between-bytes-timeout", ());
    let shield = shielding::backend_for_shield("lga-ny-us", Some(&options));
    let shield = take("shielding.backend-for-shield", shield);
    println!("{}", shield.get_host(MOST).unwrap());
    println!("{}", shield.get_first_byte_timeout_ms().unwrap());
    let options = InspectOptions {
        corp: Some("a corp".to_owned()),
        workspace: Some("a workspace".to_owned()),
        override_client_ip: Some(IpAddress::Ipv4((192, 0, 2, 7))),
        extra: None,
    };
    say("security.inspect", security::inspect(req, body, &options, MOST));
    let origin = Backend::open("origin").unwrap();
    let image = || {
        let req = Request::new().unwrap();
        req.set_uri("http://origin.test/image?width=10").unwrap();
        req
    };
    let claims = ImageOptimizerTransformOptions {
        sdk_claims_opts: Some("width=20".to_owned()),
        extra: None,
    };
    let sent = image_optimizer::send_to_image_optimizer(image(), None, &origin, &claims);
    let (_, body) = take("image-optimizer.send-to-image-optimizer", sent);
    println!("{}", String::from_utf8_lossy(&content(&body)));
    let req = image();
    let body = http_body::new().unwrap();
    let sent =
        image_optimizer::transform_image_optimizer_request(&req, Some(body), &origin, &claims);
    let (_, body) = take("image-optimizer.transform-image-optimizer-request", sent);
    println!("{}", String::from_utf8_lossy(&content(&body)));
    let _ = http_req::close(req);
}
