//! Test guest: calls every function of the world `fastly:compute/service` once, and prints what each answers.
//!
//! The module beside it makes the same calls by hostcalls and prints the same lines. A path is a part of the calls.

// Answers are printed where they come: an error is one of them.
#![allow(unused_must_use)]

mod backends;
mod caches;
mod http;
mod said;
mod stores;

wit_bindgen::generate!({
    path: "wit",
    world: "fastly:compute/service",
    generate_all,
});

use exports::fastly::compute::http_incoming::{Body, Guest, Request};

/// Room that is given for texts.
const MOST: u64 = 65536;

struct Service;

impl Guest for Service {
    fn handle(req: Request, body: Body) -> Result<(), ()> {
        let uri = req.get_uri(MOST).map_err(drop)?;
        match uri.splitn(4, '/').nth(3).unwrap_or("") {
            "body" => http::body(),
            "downstream" => http::downstream(&req),
            "request" => http::request(),
            "send" => http::send(),
            "response" => http::response(),
            "streaming" => http::streaming(),
            "pending" => http::pending(),
            "next" => http::next(),
            "websocket" => http::websocket(&req),
            "grip" => http::grip(&req),
            "upgrade" => http::upgrade(),
            "stores" => stores::stores(),
            "kv" => stores::kv(),
            "rates" => stores::rates(),
            "runtime" => stores::runtime(),
            "waiting" => stores::waiting(),
            "backend" => backends::backend(),
            "dynamic" => backends::dynamic(),
            "probe" => backends::probe(),
            "services" => backends::services(&req, &body),
            "cache" => caches::cache(),
            "replace" => caches::replace(),
            "http-cache" => caches::http_cache(),
            "http-cache-ends" => caches::http_cache_ends(),
            path => println!("there is no {path}"),
        }
        println!("end of {uri}");
        Ok(())
    }
}

export!(Service);
