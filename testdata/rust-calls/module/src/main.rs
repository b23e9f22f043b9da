//! Test guest: makes the calls of the component beside it by the hostcalls of modules, and prints the same lines.
//!
//! Where a call of the component is a field of a record here, there is no line.

mod backends;
mod caches;
mod http;
mod said;
mod stores;

use fastly_sys::fastly_http_req;
use said::text;

fn main() {
    let (mut req, mut body) = (0, 0);
    let status = unsafe { fastly_http_req::body_downstream_get(&mut req, &mut body) };
    assert!(status.is_ok());
    let uri = text(|at, room, length| unsafe { fastly_http_req::uri_get(req, at, room, length) });
    match uri.splitn(4, '/').nth(3).unwrap_or("") {
        "body" => http::body(),
        "downstream" => http::downstream(req),
        "request" => http::request(),
        "send" => http::send(),
        "response" => http::response(),
        "streaming" => http::streaming(),
        "pending" => http::pending(),
        "next" => http::next(),
        "websocket" => http::websocket(req),
        "grip" => http::grip(req),
        "upgrade" => http::upgrade(),
        "stores" => stores::stores(),
        "kv" => stores::kv(),
        "rates" => stores::rates(),
        "runtime" => stores::runtime(),
        "waiting" => stores::waiting(),
        "backend" => backends::backend(),
        "dynamic" => backends::dynamic(),
        "probe" => backends::probe(),
        "services" => backends::services(req, body),
        "cache" => caches::cache(),
        "replace" => caches::replace(),
        "http-cache" => caches::http_cache(),
        "http-cache-ends" => caches::http_cache_ends(),
        path => println!("there is no {path}"),
    }
    println!("end of {uri}");
}
