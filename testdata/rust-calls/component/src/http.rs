//! Bodies, requests, responses and the client.

use crate::fastly::compute::{
    backend::Backend,
    http_body::{self, Body},
    http_downstream::{self as downstream, NextRequestOptions},
    http_req::{
        self, CacheOverride, CacheOverrideDetails, ExtraCacheOverrideDetails, Request,
    },
    http_resp::{self, KeepaliveMode, PendingResponseKind, Response},
    http_types::{ContentEncodings, FramingHeadersMode, HttpVersion},
};
use crate::said::{say, take};
use crate::MOST;

fn filled(content: &[u8]) -> Body {
    let body = http_body::new().unwrap();
    http_body::write(&body, content).unwrap();
    body
}

/// All of a body.
pub fn content(body: &Body) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let part = http_body::read(body, 65536).unwrap();
        if part.is_empty() {
            return all;
        }
        all.extend(part);
    }
}

fn origin() -> Backend {
    Backend::open("origin").unwrap()
}

fn request_to(path: &str) -> Request {
    let req = Request::new().unwrap();
    req.set_uri(&format!("http://origin.test/{path}")).unwrap();
    req
}

pub fn body() {
    let body = take("http-body.new", http_body::new());
    say("http-body.write", http_body::write(&body, b"middle"));
    say("http-body.write-front", http_body::write_front(&body, b"front "));
    say("http-body.append", http_body::append(&body, filled(b" end")));
    say("http-body.get-known-length", http_body::get_known_length(&body));
    say("http-body.append-trailer", http_body::append_trailer(&body, "x-trailer", b"one"));
    http_body::append_trailer(&body, "x-trailer", b"two").unwrap();
    say("http-body.read", http_body::read(&body, 9));
    content(&body);
    say("http-body.get-trailer-names", http_body::get_trailer_names(&body, MOST, 0));
    say("http-body.get-trailer-value", http_body::get_trailer_value(&body, "x-trailer", MOST));
    say("http-body.get-trailer-values", http_body::get_trailer_values(&body, "x-trailer", MOST, 0));
    say("http-body.close", http_body::close(body));
}

macro_rules! ask {
    ($req:ident; $($name:literal $f:ident $(($($more:expr),*))?;)*) => {
        $(say(concat!("http-downstream.", $name), downstream::$f($req $($(, $more)*)?));)*
    };
}

pub fn downstream(req: &Request) {
    ask!(req;
        "downstream-original-header-names" downstream_original_header_names(MOST, 0);
        "downstream-original-header-count" downstream_original_header_count;
        "downstream-client-ip-addr" downstream_client_ip_addr;
        "downstream-server-ip-addr" downstream_server_ip_addr;
        "downstream-client-h2-fingerprint" downstream_client_h2_fingerprint(MOST);
        "downstream-client-request-id" downstream_client_request_id(MOST);
        "downstream-client-oh-fingerprint" downstream_client_oh_fingerprint(MOST);
        "downstream-client-ddos-detected" downstream_client_ddos_detected;
        "downstream-tls-cipher-openssl-name" downstream_tls_cipher_openssl_name(MOST);
        "downstream-tls-protocol" downstream_tls_protocol(MOST);
        "downstream-tls-client-hello" downstream_tls_client_hello(MOST);
        "downstream-tls-raw-client-certificate" downstream_tls_raw_client_certificate(MOST);
        "downstream-tls-client-cert-verify-result" downstream_tls_client_cert_verify_result;
        "downstream-tls-client-servername" downstream_tls_client_servername(MOST);
        "downstream-tls-ja3-md5" downstream_tls_ja3_md5;
        "downstream-tls-ja4" downstream_tls_ja4(MOST);
        "downstream-compliance-region" downstream_compliance_region(MOST);
        "fastly-key-is-valid" fastly_key_is_valid;
        "downstream-bot-analyzed" downstream_bot_analyzed;
        "downstream-bot-detected" downstream_bot_detected;
        "downstream-bot-name" downstream_bot_name(MOST);
        "downstream-bot-category" downstream_bot_category(MOST);
        "downstream-bot-category-kind" downstream_bot_category_kind;
        "downstream-bot-verified" downstream_bot_verified;
        "downstream-resvpnproxy-is-anonymous" downstream_resvpnproxy_is_anonymous;
        "downstream-resvpnproxy-is-anonymous-vpn" downstream_resvpnproxy_is_anonymous_vpn;
        "downstream-resvpnproxy-is-hosting-provider" downstream_resvpnproxy_is_hosting_provider;
        "downstream-resvpnproxy-is-proxy-over-vpn" downstream_resvpnproxy_is_proxy_over_vpn;
        "downstream-resvpnproxy-is-public-proxy" downstream_resvpnproxy_is_public_proxy;
        "downstream-resvpnproxy-is-relay-proxy" downstream_resvpnproxy_is_relay_proxy;
        "downstream-resvpnproxy-is-residential-proxy" downstream_resvpnproxy_is_residential_proxy;
        "downstream-resvpnproxy-is-smart-dns-proxy" downstream_resvpnproxy_is_smart_dns_proxy;
        "downstream-resvpnproxy-is-tor-exit-node" downstream_resvpnproxy_is_tor_exit_node;
        "downstream-resvpnproxy-is-vpn-datacenter" downstream_resvpnproxy_is_vpn_datacenter;
        "downstream-resvpnproxy-vpn-service-name" downstream_resvpnproxy_vpn_service_name(MOST);
    );
    say("http-downstream.downstream-visits-this-service", downstream::downstream_visits_this_service());
    say("http-downstream.downstream-visits-this-pop", downstream::downstream_visits_this_pop());
}

pub fn request() {
    let req = take("http-req.[static]request.new", Request::new());
    say("http-req.[method]request.set-method", req.set_method("PUT"));
    say("http-req.[method]request.get-method", req.get_method(MOST));
    say("http-req.[method]request.set-uri", req.set_uri("http://origin.test/a?b=c"));
    say("http-req.[method]request.get-uri", req.get_uri(MOST));
    say("http-req.[method]request.set-version", req.set_version(HttpVersion::Http10));
    say("http-req.[method]request.get-version", req.get_version());
    say("http-req.[method]request.insert-header", req.insert_header("x-one", b"1"));
    say("http-req.[method]request.append-header", req.append_header("x-one", b"\xe9"));
    say("http-req.[method]request.set-header-values", req.set_header_values("x-two", b"2\0zwei\0"));
    req.insert_header("x-gone", b"soon").unwrap();
    say("http-req.[method]request.remove-header", req.remove_header("x-gone"));
    say("http-req.[method]request.get-header-names", req.get_header_names(MOST, 0));
    say("http-req.[method]request.get-header-value", req.get_header_value("x-two", MOST));
    say("http-req.[method]request.get-header-values", req.get_header_values("x-one", MOST, 0));
    let gzip = ContentEncodings::GZIP;
    say(
        "http-req.[method]request.set-auto-decompress-response",
        req.set_auto_decompress_response(gzip),
    );
    say(
        "http-req.[method]request.set-framing-headers-mode",
        req.set_framing_headers_mode(FramingHeadersMode::ManuallyFromHeaders),
    );
    let extra = say(
        "http-req.[static]extra-cache-override-details.new",
        ExtraCacheOverrideDetails::new(),
    );
    extra.set_lookup_timeout(1000);
    say("http-req.[method]extra-cache-override-details.set-lookup-timeout", ());
    let details = CacheOverrideDetails {
        ttl: Some(60),
        stale_while_revalidate: Some(30),
        pci: true,
        surrogate_key: Some("one two".to_owned()),
        extra: Some(&extra),
    };
    say(
        "http-req.[method]request.set-cache-override",
        req.set_cache_override(&CacheOverride::Override(details)),
    );
    say("http-req.close", http_req::close(req));
}

pub fn send() {
    let origin = origin();
    let (resp, body) = take("http-req.send", http_req::send(request_to("send"), filled(b"1"), &origin));
    println!("{} {}", resp.get_status().unwrap(), String::from_utf8_lossy(&content(&body)));
    say("http-resp.[method]response.get-remote-ip-addr", resp.get_remote_ip_addr());
    println!("port {}", resp.get_remote_port().is_some());
    say("http-resp.[method]response.get-remote-port", ());
    let (_, body) =
        take("http-req.send-uncached", http_req::send_uncached(request_to("past"), filled(b"2"), &origin));
    println!("{}", String::from_utf8_lossy(&content(&body)));
    let pending = take("http-req.send-async", http_req::send_async(request_to("async"), filled(b"3"), &origin));
    let (_, body) = take("http-req.await-response", http_req::await_response(pending));
    println!("{}", String::from_utf8_lossy(&content(&body)));
    let pending = take(
        "http-req.send-async-uncached",
        http_req::send_async_uncached(request_to("async-past"), filled(b"4"), &origin),
    );
    println!("{}", String::from_utf8_lossy(&content(&http_req::await_response(pending).unwrap().1)));
    let streamed = http_body::new().unwrap();
    let pending = take(
        "http-req.send-async-streaming",
        http_req::send_async_streaming(request_to("streaming"), &streamed, &origin),
    );
    http_body::write(&streamed, b"5").unwrap();
    http_body::close(streamed).unwrap();
    println!("{}", String::from_utf8_lossy(&content(&http_req::await_response(pending).unwrap().1)));
    let streamed = http_body::new().unwrap();
    let pending = take(
        "http-req.send-async-uncached-streaming",
        http_req::send_async_uncached_streaming(request_to("streaming-past"), &streamed, &origin),
    );
    http_body::write(&streamed, b"6").unwrap();
    http_body::close(streamed).unwrap();
    println!("{}", String::from_utf8_lossy(&content(&http_req::await_response(pending).unwrap().1)));
    let dead = Backend::open("dead").unwrap();
    say("http-req.send", http_req::send(request_to("dead"), filled(b""), &dead));
}

pub fn response() {
    let resp = take("http-resp.[static]response.new", Response::new());
    say("http-resp.[method]response.set-status", resp.set_status(203));
    say("http-resp.[method]response.get-status", resp.get_status());
    say("http-resp.[method]response.set-version", resp.set_version(HttpVersion::Http11));
    say("http-resp.[method]response.get-version", resp.get_version());
    say("http-resp.[method]response.insert-header", resp.insert_header("x-one", b"1"));
    say("http-resp.[method]response.append-header", resp.append_header("x-one", b"\xe9"));
    say("http-resp.[method]response.set-header-values", resp.set_header_values("x-two", b"2\0zwei\0"));
    resp.insert_header("x-gone", b"soon").unwrap();
    say("http-resp.[method]response.remove-header", resp.remove_header("x-gone"));
    say("http-resp.[method]response.get-header-names", resp.get_header_names(MOST, 0));
    say("http-resp.[method]response.get-header-value", resp.get_header_value("x-two", MOST));
    say("http-resp.[method]response.get-header-values", resp.get_header_values("x-one", MOST, 0));
    say(
        "http-resp.[method]response.set-framing-headers-mode",
        resp.set_framing_headers_mode(FramingHeadersMode::Automatic),
    );
    say(
        "http-resp.[method]response.set-http-keepalive-mode",
        resp.set_http_keepalive_mode(KeepaliveMode::NoKeepalive),
    );
    say("http-resp.close", http_resp::close(Response::new().unwrap()));
    say("http-resp.send-downstream", http_resp::send_downstream(resp, filled(b"whole")));
}

pub fn streaming() {
    let body = http_body::new().unwrap();
    let resp = Response::new().unwrap();
    say("http-resp.send-downstream-streaming", http_resp::send_downstream_streaming(resp, &body));
    http_body::write(&body, b"in parts").unwrap();
    http_body::close(body).unwrap();
}

pub fn pending() {
    let pending = http_req::send_async(request_to("pending"), filled(b""), &origin()).unwrap();
    let any = PendingResponseKind::Any;
    say(
        "http-resp.insert-header-pending",
        http_resp::insert_header_pending(&pending, "x-inserted", b"1", any),
    );
    say(
        "http-resp.append-header-pending",
        http_resp::append_header_pending(&pending, "x-inserted", b"2", PendingResponseKind::Response),
    );
    say(
        "http-resp.remove-header-pending",
        http_resp::remove_header_pending(&pending, "x-origin", any),
    );
    say("http-resp.send-downstream-pending", http_resp::send_downstream_pending(pending));
}

pub fn next() {
    http_resp::send_downstream(Response::new().unwrap(), filled(b"first")).unwrap();
    let options = NextRequestOptions { timeout_ms: Some(20), extra: None };
    let pending = take("http-downstream.next-request", downstream::next_request(&options));
    say("http-downstream.await-request", downstream::await_request(pending));
}

pub fn websocket(req: &Request) {
    let origin = origin();
    say(
        "http-req.[method]request.redirect-to-websocket-proxy",
        req.redirect_to_websocket_proxy(&origin),
    );
}

pub fn grip(req: &Request) {
    let origin = origin();
    say("http-req.[method]request.redirect-to-grip-proxy", req.redirect_to_grip_proxy(&origin));
}

pub fn upgrade() {
    say("http-req.upgrade-websocket", http_req::upgrade_websocket(&origin()));
}
