//! Bodies, requests, responses and the client.

use crate::call;
use crate::said::{address, done, handle, line, made, number, page, text, told};
use fastly_shared::{BodyWriteEnd, FramingHeadersMode, HttpKeepaliveMode};
use fastly_sys::{
    fastly_http_body as http_body, fastly_http_downstream as downstream,
    fastly_http_req::{self as http_req, PendingResponseKind, SendErrorDetail},
    fastly_http_resp as http_resp, CacheOverride, CacheOverrideTag, ContentEncodings,
};

#[link(wasm_import_module = "fastly_http_downstream")]
extern "C" {
    fn downstream_visits_this_service(out: *mut u32) -> fastly_shared::FastlyStatus;
    fn downstream_visits_this_pop(out: *mut u32) -> fastly_shared::FastlyStatus;
}

fn write(body: u32, content: &[u8], end: BodyWriteEnd, out: *mut usize) -> fastly_shared::FastlyStatus {
    call!(http_body::write; body, str content, end, out)
}

pub fn filled(content: &[u8]) -> u32 {
    let body = made(|out| call!(http_body::new; out));
    fill(body, content);
    body
}

fn fill(body: u32, content: &[u8]) {
    assert!(write(body, content, BodyWriteEnd::Back, &mut 0).is_ok());
}

/// Writes all of a body and ends it.
pub fn finish(body: u32, content: &[u8]) {
    fill(body, content);
    assert!(call!(http_body::close; body).is_ok());
}

/// All of a body.
pub fn content(body: u32) -> String {
    let mut all = String::new();
    loop {
        let part = text(|at, room, length| call!(http_body::read; body, at, room, length));
        if part.is_empty() {
            return all;
        }
        all += &part;
    }
}

pub fn new_request(uri: &str) -> u32 {
    let req = made(|out| call!(http_req::new; out));
    assert!(call!(http_req::uri_set; req, str uri).is_ok());
    req
}

fn request_to(path: &str) -> u32 {
    new_request(&format!("http://origin.test/{path}"))
}

pub fn body() {
    let body = handle("http-body.new", |out| call!(http_body::new; out));
    number("http-body.write", |out| write(body, b"middle", BodyWriteEnd::Back, out));
    done("http-body.write-front", write(body, b"front ", BodyWriteEnd::Front, &mut 0));
    let end = filled(b" end");
    done("http-body.append", call!(http_body::append; body, end));
    number("http-body.get-known-length", |out: *mut u64| call!(http_body::known_length; body, out));
    let name = "x-trailer";
    done("http-body.append-trailer", call!(http_body::trailer_append; body, str name, str "one"));
    assert!(call!(http_body::trailer_append; body, str name, str "two").is_ok());
    told("http-body.read", |at, _, length| call!(http_body::read; body, at, 9, length));
    content(body);
    page("http-body.get-trailer-names", |at, room, next, length| {
        call!(http_body::trailer_names_get; body, at, room, 0, next, length)
    });
    told("http-body.get-trailer-value", |at, room, length| {
        call!(http_body::trailer_value_get; body, str name, at, room, length)
    });
    page("http-body.get-trailer-values", |at, room, next, length| {
        call!(http_body::trailer_values_get; body, str name, at, room, 0, next, length)
    });
    done("http-body.close", call!(http_body::close; body));
}

macro_rules! texts {
    ($req:ident; $($name:literal $f:ident;)*) => { $(
        told(concat!("http-downstream.", $name), |at, room, length| {
            call!(downstream::$f; $req, at, room, length)
        });
    )* };
}
macro_rules! numbers {
    ($req:ident; $($name:literal $f:ident;)*) => { $(
        number::<u32>(concat!("http-downstream.", $name), |out| call!(downstream::$f; $req, out));
    )* };
}

pub fn downstream(req: u32) {
    page("http-downstream.downstream-original-header-names", |at, room, next, length| {
        call!(downstream::downstream_original_header_names; req, at, room, 0, next, length)
    });
    address("http-downstream.downstream-client-ip-addr", |at, length| {
        call!(downstream::downstream_client_ip_addr; req, at, length)
    });
    address("http-downstream.downstream-server-ip-addr", |at, length| {
        call!(downstream::downstream_server_ip_addr; req, at, length)
    });
    told("http-downstream.downstream-tls-ja3-md5", |at, _, length| {
        call!(downstream::downstream_tls_ja3_md5; req, at, length)
    });
    texts!(req;
        "downstream-client-h2-fingerprint" downstream_client_h2_fingerprint;
        "downstream-client-request-id" downstream_client_request_id;
        "downstream-client-oh-fingerprint" downstream_client_oh_fingerprint;
        "downstream-tls-cipher-openssl-name" downstream_tls_cipher_openssl_name;
        "downstream-tls-protocol" downstream_tls_protocol;
        "downstream-tls-client-hello" downstream_tls_client_hello;
        "downstream-tls-raw-client-certificate" downstream_tls_raw_client_certificate;
        "downstream-tls-client-servername" downstream_tls_client_servername;
        "downstream-tls-ja4" downstream_tls_ja4;
        "downstream-compliance-region" downstream_compliance_region;
        "downstream-bot-name" downstream_bot_name;
        "downstream-bot-category" downstream_bot_category;
        "downstream-resvpnproxy-vpn-service-name" downstream_resvpnproxy_vpn_service_name;
    );
    numbers!(req;
        "downstream-original-header-count" downstream_original_header_count;
        "downstream-client-ddos-detected" downstream_client_ddos_detected;
        "downstream-tls-client-cert-verify-result" downstream_tls_client_cert_verify_result;
        "fastly-key-is-valid" fastly_key_is_valid;
        "downstream-bot-analyzed" downstream_bot_analyzed;
        "downstream-bot-detected" downstream_bot_detected;
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
    );
    number::<u32>("http-downstream.downstream-visits-this-service", |out| {
        call!(downstream_visits_this_service; out)
    });
    number::<u32>("http-downstream.downstream-visits-this-pop", |out| {
        call!(downstream_visits_this_pop; out)
    });
}

/// The calls that requests and responses have in common.
macro_rules! fields {
    ($of:ident, $module:ident, $prefix:literal) => {
        let (one, two, gone) = ("x-one", "x-two", "x-gone");
        done(concat!($prefix, "insert-header"), call!($module::header_insert; $of, str one, str b"1"));
        done(concat!($prefix, "append-header"), call!($module::header_append; $of, str one, str b"\xe9"));
        let values = b"2\0zwei\0";
        done(
            concat!($prefix, "set-header-values"),
            call!($module::header_values_set; $of, str two, str values),
        );
        assert!(call!($module::header_insert; $of, str gone, str b"soon").is_ok());
        done(concat!($prefix, "remove-header"), call!($module::header_remove; $of, str gone));
        page(concat!($prefix, "get-header-names"), |at, room, next, length| {
            call!($module::header_names_get; $of, at, room, 0, next, length)
        });
        told(concat!($prefix, "get-header-value"), |at, room, length| {
            call!($module::header_value_get; $of, str two, at, room, length)
        });
        page(concat!($prefix, "get-header-values"), |at, room, next, length| {
            call!($module::header_values_get; $of, str one, at, room, 0, next, length)
        });
    };
}

pub fn request() {
    let req = handle("http-req.[static]request.new", |out| call!(http_req::new; out));
    done("http-req.[method]request.set-method", call!(http_req::method_set; req, str "PUT"));
    told("http-req.[method]request.get-method", |at, room, length| {
        call!(http_req::method_get; req, at, room, length)
    });
    let uri = "http://origin.test/a?b=c";
    done("http-req.[method]request.set-uri", call!(http_req::uri_set; req, str uri));
    told("http-req.[method]request.get-uri", |at, room, length| {
        call!(http_req::uri_get; req, at, room, length)
    });
    done("http-req.[method]request.set-version", call!(http_req::version_set; req, 1));
    number("http-req.[method]request.get-version", |out| call!(http_req::version_get; req, out));
    fields!(req, http_req, "http-req.[method]request.");
    done(
        "http-req.[method]request.set-auto-decompress-response",
        call!(http_req::auto_decompress_response_set; req, ContentEncodings::GZIP),
    );
    let mode = FramingHeadersMode::ManuallyFromHeaders;
    done(
        "http-req.[method]request.set-framing-headers-mode",
        call!(http_req::framing_headers_mode_set; req, mode),
    );
    let keys = "one two";
    let details = CacheOverride {
        ttl: 60,
        stale_while_revalidate: 30,
        surrogate_keys: keys.as_ptr(),
        surrogate_keys_len: keys.len() as u32,
        lookup_timeout_ms: 1000,
    };
    let all = CacheOverrideTag::all() - CacheOverrideTag::PASS;
    done(
        "http-req.[method]request.set-cache-override",
        call!(http_req::cache_override_v3_set; req, all.bits(), &details),
    );
    done("http-req.close", call!(http_req::close; req));
}

/// A response with its body; the second is printed.
fn response_of(
    name: &str,
    call: impl FnOnce(*mut SendErrorDetail, *mut u32, *mut u32) -> fastly_shared::FastlyStatus,
) -> (u32, u32) {
    let (mut resp, mut body) = (0, 0);
    let status = call(&mut SendErrorDetail::uninitialized_all(), &mut resp, &mut body);
    if status.is_ok() {
        line(name, "a handle a handle");
    } else {
        done(name, status);
    }
    (resp, body)
}

fn wait(pending: u32) -> u32 {
    let (mut resp, mut body) = (0, 0);
    let mut detail = SendErrorDetail::uninitialized_all();
    let status = call!(http_req::pending_req_wait_v2; pending, &mut detail, &mut resp, &mut body);
    assert!(status.is_ok());
    body
}

pub fn send() {
    let origin = "origin";
    let (req, body) = (request_to("send"), filled(b"1"));
    let (resp, body) = response_of("http-req.send", |detail, resp, out| {
        call!(http_req::send_v2; req, body, str origin, detail, resp, out)
    });
    let mut status = 0;
    assert!(call!(http_resp::status_get; resp, &mut status).is_ok());
    println!("{status} {}", content(body));
    address("http-resp.[method]response.get-remote-ip-addr", |at, length| {
        call!(http_resp::get_addr_dest_ip; resp, at, length)
    });
    println!("port {}", call!(http_resp::get_addr_dest_port; resp, &mut 0).is_ok());
    line("http-resp.[method]response.get-remote-port", "done");
    let (req, body) = (request_to("past"), filled(b"2"));
    let (_, body) = response_of("http-req.send-uncached", |detail, resp, out| {
        call!(http_req::send_v3; req, body, str origin, detail, resp, out)
    });
    println!("{}", content(body));
    let (req, body) = (request_to("async"), filled(b"3"));
    let pending = handle("http-req.send-async", |out| {
        call!(http_req::send_async; req, body, str origin, out)
    });
    let (_, body) = response_of("http-req.await-response", |detail, resp, out| {
        call!(http_req::pending_req_wait_v2; pending, detail, resp, out)
    });
    println!("{}", content(body));
    let (req, body) = (request_to("async-past"), filled(b"4"));
    let pending = handle("http-req.send-async-uncached", |out| {
        call!(http_req::send_async_v2; req, body, str origin, 0, out)
    });
    println!("{}", content(wait(pending)));
    let (req, streamed) = (request_to("streaming"), made(|out| call!(http_body::new; out)));
    let pending = handle("http-req.send-async-streaming", |out| {
        call!(http_req::send_async_streaming; req, streamed, str origin, out)
    });
    finish(streamed, b"5");
    println!("{}", content(wait(pending)));
    let (req, streamed) = (request_to("streaming-past"), made(|out| call!(http_body::new; out)));
    let pending = handle("http-req.send-async-uncached-streaming", |out| {
        call!(http_req::send_async_v2; req, streamed, str origin, 1, out)
    });
    finish(streamed, b"6");
    println!("{}", content(wait(pending)));
    let (req, body) = (request_to("dead"), filled(b""));
    response_of("http-req.send", |detail, resp, out| {
        call!(http_req::send_v2; req, body, str "dead", detail, resp, out)
    });
}

pub fn response() {
    let resp = handle("http-resp.[static]response.new", |out| call!(http_resp::new; out));
    done("http-resp.[method]response.set-status", call!(http_resp::status_set; resp, 203));
    number("http-resp.[method]response.get-status", |out| call!(http_resp::status_get; resp, out));
    done("http-resp.[method]response.set-version", call!(http_resp::version_set; resp, 2));
    number("http-resp.[method]response.get-version", |out| call!(http_resp::version_get; resp, out));
    fields!(resp, http_resp, "http-resp.[method]response.");
    done(
        "http-resp.[method]response.set-framing-headers-mode",
        call!(http_resp::framing_headers_mode_set; resp, FramingHeadersMode::Automatic),
    );
    done(
        "http-resp.[method]response.set-http-keepalive-mode",
        call!(http_resp::http_keepalive_mode_set; resp, HttpKeepaliveMode::NoKeepalive),
    );
    let other = made(|out| call!(http_resp::new; out));
    done("http-resp.close", call!(http_resp::close; other));
    let body = filled(b"whole");
    done("http-resp.send-downstream", call!(http_resp::send_downstream; resp, body, 0));
}

pub fn streaming() {
    let body = made(|out| call!(http_body::new; out));
    let resp = made(|out| call!(http_resp::new; out));
    let status = call!(http_resp::send_downstream; resp, body, 1);
    done("http-resp.send-downstream-streaming", status);
    finish(body, b"in parts");
}

pub fn pending() {
    let (req, body) = (request_to("pending"), filled(b""));
    let pending = made(|out| call!(http_req::send_async; req, body, str "origin", out));
    let (name, any) = ("x-inserted", PendingResponseKind::Any);
    let status = call!(http_req::pending_req_header_insert; pending, str name, str "1", any);
    done("http-resp.insert-header-pending", status);
    let only = PendingResponseKind::Response;
    let status = call!(http_req::pending_req_header_append; pending, str name, str "2", only);
    done("http-resp.append-header-pending", status);
    let status = call!(http_req::pending_req_header_remove; pending, str "x-origin", any);
    done("http-resp.remove-header-pending", status);
    let status = call!(http_resp::send_downstream_pending; pending);
    done("http-resp.send-downstream-pending", status);
}

pub fn next() {
    let (resp, body) = (made(|out| call!(http_resp::new; out)), filled(b"first"));
    assert!(call!(http_resp::send_downstream; resp, body, 0).is_ok());
    let options = downstream::NextRequestOptions { timeout_ms: 20 };
    let mask = downstream::NextRequestOptionsMask::TIMEOUT;
    let pending = handle("http-downstream.next-request", |out| {
        call!(downstream::next_request; mask, &options, out)
    });
    let status = call!(downstream::next_request_wait; pending, &mut 0, &mut 0);
    done("http-downstream.await-request", status);
}

pub fn websocket(req: u32) {
    let status = call!(http_req::redirect_to_websocket_proxy_v2; req, str "origin");
    done("http-req.[method]request.redirect-to-websocket-proxy", status);
}

pub fn grip(req: u32) {
    let status = call!(http_req::redirect_to_grip_proxy_v2; req, str "origin");
    done("http-req.[method]request.redirect-to-grip-proxy", status);
}

pub fn upgrade() {
    done("http-req.upgrade-websocket", call!(http_req::upgrade_websocket; str "origin"));
}
