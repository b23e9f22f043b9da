//! Test guest: a component of the world `fastly:compute/service`, bound by wit-bindgen alone.
//!
//! Its routes are those of the other guests where the test suite asks the same of them, and some that try what no
//! binding would let a program do.

mod raw;

wit_bindgen::generate!({
    path: "wit",
    world: "fastly:compute/service",
    generate_all,
});

use exports::fastly::compute::http_incoming::{Body, Guest, Request};
use fastly::compute::{
    async_io, backend, cache, compute_runtime, config_store, device_detection, dictionary, erl,
    geo, http_body, http_downstream, http_req, http_resp, kv_store, log, secret_store, types,
};
use std::cell::Cell;
use std::fmt::Write as _;

const NAME: &str = "rust component";
const MOST: u64 = 65536;

thread_local! {
    /// How many requests this instance has seen: 1 in each, if instances are put back.
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

type Outcome<T> = Result<T, String>;

fn told<E: std::fmt::Debug>(error: E) -> String {
    format!("{error:?}")
}

struct Service;

impl Guest for Service {
    fn handle(req: Request, body: Body) -> Result<(), ()> {
        COUNT.with(|count| count.set(count.get() + 1));
        let uri = req.get_uri(MOST).map_err(drop)?;
        let path = uri.splitn(4, '/').nth(3).unwrap_or("").to_owned();
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        if let Err(message) = route(req, body, path, query) {
            let _ = respond(500, &[("x-error", b"yes")], message.as_bytes());
        }
        if path == "error" {
            return Err(());
        }
        Ok(())
    }
}

fn route(req: Request, body: Body, path: &str, query: &str) -> Outcome<()> {
    match path {
        "hello" => text(&format!("Hello from {NAME}\n")),
        "echo" => echo(&req, body),
        "headers" => headers(&req),
        "stream" => stream(),
        "status" => {
            let status = query.strip_prefix("code=").and_then(|code| code.parse().ok());
            respond(status.unwrap_or(200), &[], b"")
        }
        "count" => text(&format!("{}\n", COUNT.with(Cell::get))),
        "config" => config(query),
        "dictionary" => {
            let entries = dictionary::Dictionary::open("settings").map_err(told)?;
            text(&format!("{:?}\n", entries.lookup("greeting", MOST).map_err(told)?))
        }
        "secret" => {
            let store = secret_store::Store::open("secrets").map_err(told)?;
            let secret = store.get("key").map_err(told)?.ok_or("no secret")?;
            let plain = secret.plaintext(MOST).map_err(told)?;
            text(&format!("{}\n", String::from_utf8_lossy(&plain)))
        }
        "kv" => kv(),
        "cache" => cached(),
        "log" => {
            let endpoint = log::Endpoint::open("component-log").map_err(told)?;
            endpoint.write(b"a line for the log");
            println!("a line for standard output");
            eprintln!("a line for standard error");
            text("logged\n")
        }
        "env" => {
            let mut all: Vec<_> = std::env::vars().collect();
            all.sort();
            let lines: String = all.iter().map(|(k, v)| format!("{k}={v}\n")).collect();
            text(&lines)
        }
        "client" => client(&req),
        "geo" => {
            let ip = types::IpAddress::Ipv4((127, 0, 0, 1));
            text(&format!("{}\n", geo::lookup(ip, MOST).map_err(told)?))
        }
        "device" => text(&format!("{:?}\n", device_detection::lookup("none", MOST))),
        "rates" => {
            let counter = erl::RateCounter::open("counter").map_err(told)?;
            let penalty_box = erl::PenaltyBox::open("box").map_err(told)?;
            let limited = counter.check_rate("entry", 3, 10, 100, &penalty_box, 60).map_err(told)?;
            let count = counter.lookup_count("entry", 10).map_err(told)?;
            text(&format!("{limited} {count} {:?}\n", penalty_box.has("entry")))
        }
        "runtime" => {
            let mut lines = String::new();
            let _ = writeln!(lines, "vcpu {}", compute_runtime::get_vcpu_ms() < 10_000);
            let _ = writeln!(lines, "heap {}", compute_runtime::get_heap_mib());
            let _ = writeln!(lines, "id {}", compute_runtime::get_sandbox_id().len());
            let _ = writeln!(lines, "host {}", compute_runtime::get_hostname());
            let _ = writeln!(lines, "staging {}", compute_runtime::get_is_staging());
            text(&lines)
        }
        "sleep" => {
            std::thread::sleep(std::time::Duration::from_millis(20));
            text("slept\n")
        }
        "random" => {
            let mut bytes = [0u8; 16];
            raw::random(&mut bytes);
            text(&format!("{bytes:?}\n"))
        }
        "parallel" => parallel(),
        "next" => next(),
        "too-long" => text(&format!("{:?}\n", req.get_uri(3))),
        "missing" => missing(&req),
        "nothing" | "error" => Ok(()),
        "trap" => panic!("trapped on purpose"),
        "exit" => std::process::exit(3),
        "exit-ok" => {
            text("before the exit\n")?;
            std::process::exit(0)
        }
        "spin" => loop {
            std::hint::black_box(0);
        },
        "grow" => {
            let mut kept: Vec<Vec<u8>> = Vec::new();
            while kept.len() < 4096 {
                let mut part = Vec::new();
                if part.try_reserve_exact(1 << 20).is_err() {
                    return text(&format!("refused after {} MiB\n", kept.len()));
                }
                part.resize(1 << 20, 1);
                kept.push(part);
            }
            text("never refused\n")
        }
        "leave" => {
            // Handles and memory that the next request must find nothing of.
            for _ in 0..50 {
                std::mem::forget(http_resp::Response::new().map_err(told)?);
                std::mem::forget(http_body::new().map_err(told)?);
            }
            std::mem::forget((req, body));
            Box::leak(vec![7u8; 1 << 20].into_boxed_slice());
            text("left\n")
        }
        _ if path.starts_with("raw/") => {
            let words: Vec<&str> = path.split('/').collect();
            let number = words.get(2).and_then(|n| n.parse().ok()).unwrap_or(0);
            text(&raw::attempt(words[1], number, &req))
        }
        _ if path.starts_with("proxy/") => proxy(req, body, &path["proxy".len()..]),
        _ => respond(404, &[], b"not found\n"),
    }
}

fn text(body: &str) -> Outcome<()> {
    respond(200, &[("content-type", b"text/plain")], body.as_bytes())
}

fn respond(status: u16, fields: &[(&str, &[u8])], content: &[u8]) -> Outcome<()> {
    let resp = http_resp::Response::new().map_err(told)?;
    resp.set_status(status).map_err(told)?;
    for (name, value) in fields {
        resp.append_header(name, value).map_err(told)?;
    }
    let body = http_body::new().map_err(told)?;
    write_all(&body, content)?;
    http_resp::send_downstream(resp, body).map_err(told)
}

fn write_all(body: &Body, mut content: &[u8]) -> Outcome<()> {
    while !content.is_empty() {
        let written = http_body::write(body, content).map_err(told)?;
        content = &content[written as usize..];
    }
    Ok(())
}

fn read_all(body: &Body) -> Outcome<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let chunk = http_body::read(body, 65536).map_err(told)?;
        if chunk.is_empty() {
            return Ok(all);
        }
        all.extend(chunk);
    }
}

fn echo(req: &Request, body: Body) -> Outcome<()> {
    let resp = http_resp::Response::new().map_err(told)?;
    let method = req.get_method(MOST).map_err(told)?;
    resp.insert_header("x-method", method.as_bytes()).map_err(told)?;
    if let Some(value) = req.get_header_value("content-type", MOST).map_err(told)? {
        resp.insert_header("content-type", &value).map_err(told)?;
    }
    http_resp::send_downstream(resp, body).map_err(told)
}

fn headers(req: &Request) -> Outcome<()> {
    let mut content = Vec::new();
    let mut cursor = 0;
    loop {
        // Little room, so that the names come in several pages.
        let (names, next) = req.get_header_names(64, cursor).map_err(told)?;
        for name in names.split_terminator('\0') {
            let (values, _) = req.get_header_values(name, MOST, 0).map_err(told)?;
            for value in values.split(|byte| *byte == 0) {
                if !value.is_empty() {
                    content.extend_from_slice(name.as_bytes());
                    content.extend_from_slice(b": ");
                    content.extend_from_slice(value);
                    content.push(b'\n');
                }
            }
        }
        match next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    respond(200, &[("set-cookie", b"a=1"), ("set-cookie", b"b=2")], &content)
}

fn stream() -> Outcome<()> {
    let resp = http_resp::Response::new().map_err(told)?;
    let body = http_body::new().map_err(told)?;
    http_resp::send_downstream_streaming(resp, &body).map_err(told)?;
    for n in 0..100 {
        write_all(&body, format!("line {n}\n").as_bytes())?;
    }
    http_body::close(body).map_err(told)
}

fn config(query: &str) -> Outcome<()> {
    let (name, key) = query.split_once('&').unwrap_or((query, ""));
    match config_store::Store::open(name) {
        Ok(store) => text(&format!("{:?}\n", store.get(key, MOST).map_err(told)?)),
        Err(error) => text(&format!("{error:?}\n")),
    }
}

fn kv() -> Outcome<()> {
    let store = kv_store::Store::open("users").map_err(told)?;
    let body = http_body::new().map_err(told)?;
    write_all(&body, b"a value")?;
    let options = kv_store::InsertOptions {
        background_fetch: false,
        if_generation_match: None,
        metadata: Some("about it".to_owned()),
        time_to_live_sec: None,
        mode: kv_store::InsertMode::Overwrite,
        extra: None,
    };
    store.insert("key", body, &options).map_err(told)?;
    let pending = store.lookup_async("key").map_err(told)?;
    let entry = kv_store::await_lookup(pending).map_err(told)?.ok_or("no entry")?;
    let value = read_all(&entry.take_body().ok_or("no body")?)?;
    let again = entry.take_body().is_none();
    let metadata = entry.metadata(MOST).map_err(told)?;
    let deleted = store.delete("key").map_err(told)?;
    let gone = store.lookup("key").map_err(told)?.is_none();
    let bad = store.lookup("").map(drop);
    text(&format!(
        "{} {metadata:?} {again} {deleted} {gone} {bad:?}\n",
        String::from_utf8_lossy(&value)
    ))
}

fn cached() -> Outcome<()> {
    let options = || cache::LookupOptions {
        request_headers: None,
        always_use_requested_range: false,
        extra: None,
    };
    let key = b"component key";
    let entry = cache::Entry::transaction_lookup(key, &options()).map_err(told)?;
    let state = entry.get_state().map_err(told)?;
    if state.contains(cache::LookupState::FOUND) {
        let range = cache::GetBodyOptions { from: None, to: None, extra: None };
        let body = entry.get_body(&range).map_err(told)?;
        let hits = entry.get_hits().map_err(told)?;
        return text(&format!("hit {hits:?} {}\n", String::from_utf8_lossy(&read_all(&body)?)));
    }
    let write = cache::WriteOptions {
        max_age_ns: 60_000_000_000,
        request_headers: None,
        vary_rule: None,
        initial_age_ns: None,
        stale_while_revalidate_ns: None,
        surrogate_keys: Some("one two".to_owned()),
        length: None,
        user_metadata: Some(b"meta".to_vec()),
        edge_max_age_ns: None,
        sensitive_data: false,
        extra: None,
    };
    let body = entry.transaction_insert(&write).map_err(told)?;
    write_all(&body, b"cached content")?;
    http_body::close(body).map_err(told)?;
    text("stored\n")
}

fn client(req: &Request) -> Outcome<()> {
    let mut lines = String::new();
    let _ = writeln!(lines, "ip {:?}", http_downstream::downstream_client_ip_addr(req));
    let id = http_downstream::downstream_client_request_id(req, MOST).map_err(told)?;
    let _ = writeln!(lines, "id {}", id.len());
    let _ = writeln!(lines, "ja4 {:?}", http_downstream::downstream_tls_ja4(req, MOST));
    let _ = writeln!(
        lines,
        "names {:?}",
        http_downstream::downstream_original_header_names(req, MOST, 0).map_err(told)?.0
    );
    let own = Request::new().map_err(told)?;
    let _ = writeln!(lines, "own {:?}", http_downstream::fastly_key_is_valid(&own));
    text(&lines)
}

fn proxy(req: Request, body: Body, path: &str) -> Outcome<()> {
    let origin = backend::Backend::open("origin").map_err(told)?;
    req.set_uri(&format!("http://origin.test{path}")).map_err(told)?;
    let (resp, body) = match http_req::send(req, body, &origin) {
        Ok(sent) => sent,
        Err(error) => return text(&format!("{:?} {:?}\n", error.error, error.detail)),
    };
    resp.insert_header("x-proxied-by", NAME.as_bytes()).map_err(told)?;
    http_resp::send_downstream(resp, body).map_err(told)
}

/// Sends two requests at a time, and takes what comes first until both are there.
fn parallel() -> Outcome<()> {
    let origin = backend::Backend::open("origin").map_err(told)?;
    let mut pending = Vec::new();
    for n in 0..2 {
        let req = Request::new().map_err(told)?;
        req.set_uri(&format!("http://origin.test/part/{n}")).map_err(told)?;
        let body = http_body::new().map_err(told)?;
        pending.push(http_req::send_async(req, body, &origin).map_err(told)?);
    }
    let mut parts = Vec::new();
    while !pending.is_empty() {
        let all: Vec<_> = pending.iter().collect();
        let first = async_io::select(&all) as usize;
        let (_, body) = http_req::await_response(pending.remove(first)).map_err(told)?;
        parts.push(String::from_utf8_lossy(&read_all(&body)?).into_owned());
    }
    parts.sort();
    text(&format!("{}\n", parts.join("|")))
}

/// Answers, then takes one more request in the same run.
fn next() -> Outcome<()> {
    text("first\n")?;
    let options = http_downstream::NextRequestOptions { timeout_ms: Some(5000), extra: None };
    let pending = http_downstream::next_request(&options).map_err(told)?;
    match http_downstream::await_request(pending).map_err(told)? {
        Some((req, _)) => {
            let uri = req.get_uri(MOST).map_err(told)?;
            text(&format!("again {} {uri}\n", COUNT.with(Cell::get)))
        }
        None => Ok(()),
    }
}

/// What is not there: each error by its name.
fn missing(req: &Request) -> Outcome<()> {
    let mut lines = String::new();
    let _ = writeln!(lines, "config {:?}", config_store::Store::open("nowhere").map(drop));
    let _ = writeln!(lines, "kv {:?}", kv_store::Store::open("nowhere").map(drop));
    let _ = writeln!(lines, "secret {:?}", secret_store::Store::open("nowhere").map(drop));
    let _ = writeln!(lines, "backend {:?}", backend::Backend::open("nowhere").map(drop));
    let _ = writeln!(lines, "log {:?}", log::Endpoint::open("stdout").map(drop));
    let _ = writeln!(lines, "header {:?}", req.get_header_value("x-none", MOST));
    let _ = writeln!(lines, "removed {:?}", req.remove_header("x-none"));
    let _ = writeln!(lines, "name {:?}", req.insert_header("a b", b"c"));
    let _ = writeln!(lines, "status {:?}", http_resp::Response::new().map_err(told)?.set_status(7));
    text(&lines)
}

export!(Service);
