//! Test guest: the Fastly Rust SDK of October 2020 (fastly 0.3.3, `env.xqd_*` imports).
//!
//! `#[fastly::main]` of that time expands to code today's compiler refuses, so `main` does by
//! hand what the macro did: `init`, `downstream_request`, `send_downstream`.

use fastly::http::{header, uri::PathAndQuery, StatusCode, Uri};
use fastly::log::Endpoint;
use fastly::{Body, Error, Request, RequestExt, Response, ResponseExt};
use std::convert::TryFrom;
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

const NAME: &str = "rust-2020";
const ORIGIN: &str = "origin";

fn main() -> Result<(), Error> {
    fastly::init();
    let req = fastly::downstream_request()?;
    let path = req.uri().path().to_owned();

    if path.starts_with("/proxy/") {
        return proxy(req)?.send_downstream();
    }
    let resp = match path.as_str() {
        "/hello" => text(&format!("Hello from {}\n", NAME))?,
        "/echo" => echo(req)?,
        "/headers" => headers(&req)?,
        "/stream" => return stream(&req),
        "/geo" => geo()?,
        "/user-agent" => user_agent(&req)?,
        "/early-hint" => with_status(
            text("no early hints in this SDK\n")?,
            StatusCode::NOT_IMPLEMENTED,
        ),
        "/log" => log()?,
        "/trap" => panic!("trapped on purpose"),
        "/exit" => std::process::exit(3),
        "/sleep" => slow(&req)?,
        "/client" => client()?,
        "/url" => url(&req)?,
        _ => with_status(text("not found\n")?, StatusCode::NOT_FOUND),
    };
    resp.send_downstream()
}

/// A 200 with a plain text body.
fn text(body: &str) -> Result<Response<Body>, Error> {
    let builder = Response::builder().header(header::CONTENT_TYPE, "text/plain");
    Ok(builder.body(Body::try_from(body)?)?)
}

fn with_status(mut resp: Response<Body>, status: StatusCode) -> Response<Body> {
    *resp.status_mut() = status;
    resp
}

/// The value of a query parameter; a parameter without `=` has the value "".
fn query<'a>(req: &'a Request<Body>, name: &str) -> Option<&'a str> {
    let pairs = req.uri().query()?.split('&');
    pairs
        .map(|pair| match pair.find('=') {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, ""),
        })
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

fn echo(req: Request<Body>) -> Result<Response<Body>, Error> {
    let mut builder = Response::builder().header("x-method", req.method().as_str());
    if let Some(content_type) = req.headers().get(header::CONTENT_TYPE) {
        builder = builder.header(header::CONTENT_TYPE, content_type);
    }
    Ok(builder.body(req.into_body())?)
}

fn headers(req: &Request<Body>) -> Result<Response<Body>, Error> {
    // Built as bytes: header values need not be UTF-8.
    let mut lines = Vec::new();
    for (name, value) in req.headers() {
        lines.extend_from_slice(name.as_str().as_bytes());
        lines.extend_from_slice(b": ");
        lines.extend_from_slice(value.as_bytes());
        lines.push(b'\n');
    }
    let names = fastly::downstream_original_header_names().collect::<Result<Vec<_>, _>>()?;
    let count = fastly::downstream_original_header_count();

    let builder = Response::builder()
        .header(header::CONTENT_TYPE, "text/plain")
        .header("x-original-names", names.join(","))
        .header("x-header-count", count.to_string())
        .header(header::SET_COOKIE, "a=1")
        .header(header::SET_COOKIE, "b=2");
    Ok(builder.body(Body::try_from(lines)?)?)
}

/// Sends the request on to the rest of the path, everything else as it is.
fn proxy(mut req: Request<Body>) -> Result<Response<Body>, Error> {
    let target = req.uri().path_and_query().map_or("/", |pq| pq.as_str());
    let rest = target["/proxy".len()..].parse::<PathAndQuery>()?;
    let mut parts = req.uri().clone().into_parts();
    parts.path_and_query = Some(rest);
    *req.uri_mut() = Uri::from_parts(parts)?;

    let backend = match req.headers_mut().remove("x-backend") {
        Some(name) => name.to_str()?.to_owned(),
        None => ORIGIN.to_owned(),
    };
    if let Some(ttl) = req.headers_mut().remove("x-cache-ttl") {
        req.set_ttl(ttl.to_str()?.parse()?);
    }
    if req.headers_mut().remove("x-cache-pass").is_some() {
        req.set_pass();
    }
    match req.send(&backend) {
        Ok(resp) => Ok(resp),
        Err(error) => Ok(with_status(
            text(&format!("cannot reach origin: {:#}\n", error))?,
            StatusCode::BAD_GATEWAY,
        )),
    }
}

fn stream(req: &Request<Body>) -> Result<(), Error> {
    let count = query(req, "n").and_then(|n| n.parse().ok()).unwrap_or(100);
    let mut body = text("")?.send_downstream_streaming()?;
    for n in 0..count {
        // The body buffers: without the flush the host would see a few big writes.
        writeln!(body, "line {}", n)?;
        body.flush()?;
    }
    if query(req, "abandon").is_some() {
        // This SDK closes the stream when the body is dropped and has no `abandon`. Leaking the
        // body is the one way to end the program with the stream still open.
        std::mem::forget(body);
    }
    Ok(())
}

fn geo() -> Result<Response<Body>, Error> {
    // A sub-request to the made-up backend `geolocation`: this SDK has no hostcall for it.
    let ip = fastly::downstream_client_ip_addr();
    match ip.and_then(fastly::geo::geo_lookup) {
        Some(geo) => text(&format!("{}, {}\n", geo.city(), geo.country_code())),
        None => text("unknown\n"),
    }
}

fn user_agent(req: &Request<Body>) -> Result<Response<Body>, Error> {
    let agent = req.headers().get(header::USER_AGENT);
    let agent = agent.and_then(|value| value.to_str().ok()).unwrap_or("");
    match fastly::uap_parse(agent) {
        Ok((family, major, minor, patch)) => text(&format!(
            "{} {}.{}.{}\n",
            family,
            major.unwrap_or_default(),
            minor.unwrap_or_default(),
            patch.unwrap_or_default()
        )),
        Err(error) => Ok(with_status(
            text(&format!("cannot parse user agent: {}\n", error))?,
            StatusCode::INTERNAL_SERVER_ERROR,
        )),
    }
}

fn log() -> Result<Response<Body>, Error> {
    Endpoint::from_name("events").write_all(b"hello log")?;
    println!("hello stdout");
    eprintln!("hello stderr");
    text("logged\n")
}

fn slow(req: &Request<Body>) -> Result<Response<Body>, Error> {
    let ms = query(req, "ms")
        .and_then(|ms| ms.parse().ok())
        .unwrap_or(100);
    sleep(Duration::from_millis(ms));
    text("slept\n")
}

fn client() -> Result<Response<Body>, Error> {
    match fastly::downstream_client_ip_addr() {
        Some(ip) => text(&format!("{}\n", ip)),
        None => text("unknown\n"),
    }
}

fn url(req: &Request<Body>) -> Result<Response<Body>, Error> {
    let mut resp = text(&format!("{}\n", req.uri()))?;
    if let Some(ssl) = req.headers().get("fastly-ssl") {
        resp.headers_mut().insert("x-fastly-ssl", ssl.clone());
    }
    Ok(resp)
}
