//! Test guest: the Fastly Rust SDK of today.
//!
//! One program answers every route of the test suite. It uses a plain `fn main()` rather than
//! `#[fastly::main]`, because several routes send the response by hand or never send one.

mod backends;
mod cache;
mod dynamic;
mod handoff;
mod http_cache;
mod images;
mod rates;
mod serve;
mod stores;

use fastly::experimental::{BodyExt, StreamingBodyExt};
use fastly::geo::geo_lookup;
use fastly::http::{header, StatusCode};
use fastly::log::Endpoint;
use fastly::{Body, ConfigStore, Request, Response};
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

const NAME: &str = "rust";

fn main() {
    fastly::init();
    if let Ok(mode) = std::env::var("SERVE") {
        return serve::run(&mode);
    }
    let req = Request::from_client();
    let path = req.get_path().to_owned();

    if let Some(rest) = path.strip_prefix("/proxy/") {
        return backends::proxy(req, rest).send_to_client();
    }
    if let Some(rest) = path.strip_prefix("/gzip/") {
        let req = req.with_auto_decompress_gzip(true);
        return backends::proxy(req, rest).send_to_client();
    }

    if let Some(rest) = path.strip_prefix("/http-cache") {
        return http_cache::answer(req, rest).send_to_client();
    }

    let resp = match path.as_str() {
        "/websocket" => return handoff::websocket(req),
        "/websocket-dynamic" => return handoff::websocket_dynamic(req),
        "/pending" => return handoff::pending(),
        "/fanout" => return handoff::fanout(req),
        "/hello" => text(&format!("Hello from {NAME}\n")),
        "/echo" => echo(req),
        "/headers" => headers(&req),
        "/stream" => return stream(&req),
        "/geo" => geo(&req),
        "/user-agent" => user_agent(&req),
        "/early-hint" => early_hint(),
        "/log" => log(),
        "/trap" => panic!("trapped on purpose"),
        "/allocate" => allocate(),
        "/exit" => std::process::exit(3),
        "/sleep" => slow(&req),
        "/client" => client(&req),
        "/url" => url(&req),
        "/config" => config(&req),
        "/env" => env(),
        "/background" => return background(),
        "/trailers" => return trailers(&req),
        "/respond-twice-and-trap" => {
            text("first\n").send_to_client();
            panic!("trapped on purpose after the response");
        }
        "/nothing" => return,
        "/status" => status(&req),
        "/version" => text(&format!("{:?}\n", req.get_version())),
        "/parallel" => backends::parallel(),
        "/upload" => backends::upload(),
        "/dynamic" => backends::dynamic(&req),
        _ if path.starts_with("/cache/") => match cache::answer(&path, req) {
            Some(resp) => resp,
            None => return,
        },
        _ if path.starts_with("/image/") => images::answer(req),
        _ if path.starts_with("/dynamic-") => dynamic::answer(&path, &req),
        _ if path.starts_with("/rate/") => rates::answer(&path, &req)
            .unwrap_or_else(|| text("not found\n").with_status(StatusCode::NOT_FOUND)),
        _ => stores::answer(&path, req)
            .unwrap_or_else(|| text("not found\n").with_status(StatusCode::NOT_FOUND)),
    };
    resp.send_to_client();
}

/// Allocates memory and writes to all of it, until the allocator gets no more and aborts.
fn allocate() -> ! {
    let mut blocks = Vec::new();
    loop {
        // black_box: the compiler could drop blocks that are never read.
        blocks.push(std::hint::black_box(vec![1u8; 1 << 20]));
    }
}

/// A 200 with a plain text body.
fn text(body: &str) -> Response {
    Response::from_body(body).with_header(header::CONTENT_TYPE, "text/plain")
}

/// The decoded value of a query parameter; a parameter without `=` has the value "".
fn query(req: &Request, name: &str) -> Option<String> {
    let mut pairs = req.get_url().query_pairs();
    pairs
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn echo(mut req: Request) -> Response {
    let mut resp = Response::new().with_header("x-method", req.get_method_str());
    if let Some(content_type) = req.get_header(header::CONTENT_TYPE) {
        resp.set_header(header::CONTENT_TYPE, content_type);
    }
    resp.set_body(req.take_body());
    resp
}

fn headers(req: &Request) -> Response {
    // Built as bytes: header values need not be UTF-8.
    let mut body = Vec::new();
    for (name, value) in req.get_headers() {
        body.extend_from_slice(name.as_str().as_bytes());
        body.extend_from_slice(b": ");
        body.extend_from_slice(value.as_bytes());
        body.push(b'\n');
    }

    let mut resp = Response::from_body(body).with_header(header::CONTENT_TYPE, "text/plain");
    if let Ok(Some(names)) = req.get_original_header_names() {
        resp.set_header("x-original-names", names.join(","));
    }
    if let Some(count) = req.get_original_header_count() {
        resp.set_header("x-header-count", count.to_string());
    }
    resp.append_header(header::SET_COOKIE, "a=1");
    resp.append_header(header::SET_COOKIE, "b=2");
    resp
}

fn stream(req: &Request) {
    let count = query(req, "n").and_then(|n| n.parse().ok()).unwrap_or(100);
    let mut body = text("").stream_to_client();
    for n in 0..count {
        // The body buffers: without the flush the host would see a few big writes.
        let written = writeln!(body, "line {n}").and_then(|()| body.flush());
        if let Err(error) = written {
            eprintln!("cannot write line {n}: {error}");
            return;
        }
    }
    let ended = match query(req, "abandon") {
        Some(_) => body.abandon(),
        None => body.finish(),
    };
    if let Err(error) = ended {
        eprintln!("cannot end the stream: {error}");
    }
}

fn geo(req: &Request) -> Response {
    match req.get_client_ip_addr().and_then(geo_lookup) {
        Some(geo) => text(&format!("{}, {}\n", geo.city(), geo.country_code())),
        None => text("unknown\n"),
    }
}

fn user_agent(req: &Request) -> Response {
    let agent = req.get_header_str(header::USER_AGENT).unwrap_or("");
    #[allow(deprecated)] // deprecated, yet the only way to `fastly_uap.parse`
    match fastly::experimental::uap_parse(agent) {
        Ok((family, major, minor, patch)) => text(&format!(
            "{family} {}.{}.{}\n",
            major.unwrap_or_default(),
            minor.unwrap_or_default(),
            patch.unwrap_or_default()
        )),
        Err(error) => text(&format!("cannot parse user agent: {error}\n"))
            .with_status(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn early_hint() -> Response {
    Response::from_status(103)
        .with_header(header::LINK, "</style.css>; rel=preload; as=style")
        .send_to_client();
    text("hinted\n")
}

fn log() -> Response {
    write_log("hello log");
    println!("hello stdout");
    eprintln!("hello stderr");
    text("logged\n")
}

fn write_log(message: &str) {
    Endpoint::from_name("events")
        .write_all(message.as_bytes())
        .expect("the log endpoint accepts a record");
}

fn slow(req: &Request) -> Response {
    let ms = query(req, "ms")
        .and_then(|ms| ms.parse().ok())
        .unwrap_or(100);
    sleep(Duration::from_millis(ms));
    text("slept\n")
}

fn client(req: &Request) -> Response {
    match req.get_client_ip_addr() {
        Some(ip) => text(&format!("{ip}\n")),
        None => text("unknown\n"),
    }
}

fn url(req: &Request) -> Response {
    let mut resp = text(&format!("{}\n", req.get_url_str()));
    if let Some(ssl) = req.get_header("fastly-ssl") {
        resp.set_header("x-fastly-ssl", ssl);
    }
    resp
}

fn config(req: &Request) -> Response {
    let key = query(req, "key").unwrap_or_default();
    let store = match ConfigStore::try_open("settings") {
        Ok(store) => store,
        Err(error) => {
            return text(&format!("cannot open settings: {error}\n"))
                .with_status(StatusCode::INTERNAL_SERVER_ERROR)
        }
    };
    match store.try_get(&key) {
        // The value alone, so that an empty one can be told from an absent one byte for byte.
        Ok(Some(value)) => text(&value),
        Ok(None) => text("absent\n").with_status(StatusCode::NOT_FOUND),
        Err(error) => text(&format!("cannot read {key}: {error}\n"))
            .with_status(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn env() -> Response {
    let mut lines: Vec<String> = std::env::vars_os()
        .map(|(key, value)| format!("{}={}\n", key.to_string_lossy(), value.to_string_lossy()))
        .collect();
    lines.sort();
    text(&lines.concat())
}

fn background() {
    text("sent\n").send_to_client();
    sleep(Duration::from_millis(50));
    write_log("after response");
}

/// `/trailers` puts the trailer on an ordinary body, `/trailers?stream` on a streaming one.
fn trailers(req: &Request) {
    let resp = text("").with_header(header::TRAILER, "x-checksum");
    if query(req, "stream").is_some() {
        let mut body = resp.stream_to_client();
        body.write_all(b"with trailers\n").expect("a body write");
        body.append_trailer("x-checksum", "abc");
        body.finish().expect("the end of the stream");
        return;
    }
    let mut body = Body::from("with trailers\n");
    body.append_trailer("x-checksum", "abc");
    resp.with_body(body).send_to_client();
}

fn status(req: &Request) -> Response {
    let code = query(req, "code").and_then(|code| code.parse::<u16>().ok());
    match code.and_then(|code| StatusCode::from_u16(code).ok()) {
        Some(code) => Response::from_status(code),
        None => text("no such status\n").with_status(StatusCode::BAD_REQUEST),
    }
}
