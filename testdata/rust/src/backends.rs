//! The routes that talk to a backend.

use crate::{query, text};
use fastly::backend::BackendCreationError;
use fastly::http::request::{select, SendError};
use fastly::http::StatusCode;
use fastly::{Backend, Request, Response};
use std::io::Write;

const ORIGIN: &str = "origin";

/// Sends the request on to `/rest` of the backend, everything else as it is.
pub fn proxy(mut req: Request, rest: &str) -> Response {
    let name = req.remove_header_str("x-backend");
    let backend = match Backend::from_name(name.as_deref().unwrap_or(ORIGIN)) {
        Ok(backend) => backend,
        Err(error) => return bad_gateway(&error.to_string()),
    };
    req.set_path(&format!("/{rest}"));
    answer(req.send(backend))
}

/// Two requests in flight at once; the answer lists the bodies as they come in.
pub fn parallel() -> Response {
    let mut pending = Vec::new();
    for path in ["a", "b"] {
        match Request::get(format!("http://{ORIGIN}/{path}")).send_async(ORIGIN) {
            Ok(request) => pending.push(request),
            Err(error) => return failure(&error),
        }
    }

    let mut lines = String::new();
    while !pending.is_empty() {
        let (result, rest) = select(pending);
        pending = rest;
        match result {
            Ok(resp) => lines.push_str(resp.into_body_str_lossy().trim_end()),
            Err(error) => return failure(&error),
        }
        lines.push('\n');
    }
    text(&lines)
}

pub fn upload() -> Response {
    let request = Request::post(format!("http://{ORIGIN}/upload"));
    let (mut body, pending) = match request.send_async_streaming(ORIGIN) {
        Ok(pair) => pair,
        Err(error) => return failure(&error),
    };
    for n in 0..100 {
        // Flushed one by one: 100 writes reach the host, not one.
        if let Err(error) = writeln!(body, "chunk {n}").and_then(|()| body.flush()) {
            return bad_gateway(&error.to_string());
        }
    }
    if let Err(error) = body.finish() {
        return bad_gateway(&error.to_string());
    }
    answer(pending.wait())
}

/// `?target=HOST:PORT`; `?name=` takes another name than `dynamic`, `?twice` registers it twice.
pub fn dynamic(req: &Request) -> Response {
    let Some(target) = query(req, "target") else {
        return text("no target\n").with_status(StatusCode::BAD_REQUEST);
    };
    let name = query(req, "name").unwrap_or_else(|| "dynamic".to_owned());
    let mut registered = Backend::builder(&name, &target).finish();
    if query(req, "twice").is_some() {
        registered = Backend::builder(&name, &target).finish();
    }
    match registered {
        Ok(backend) => answer(Request::get(format!("http://{target}/")).send(backend)),
        Err(BackendCreationError::NameInUse) => {
            text("name in use\n").with_status(StatusCode::CONFLICT)
        }
        Err(error) => text(&format!("cannot register backend: {error}\n"))
            .with_status(StatusCode::BAD_REQUEST),
    }
}

fn answer(result: Result<Response, SendError>) -> Response {
    result.unwrap_or_else(|error| failure(&error))
}

/// A failed send: the sentence for people and the SDK's own cause, which names the kind.
fn failure(error: &SendError) -> Response {
    let cause = error.root_cause();
    bad_gateway(&format!("{error} ({cause:?})"))
}

fn bad_gateway(detail: &str) -> Response {
    text(&format!("cannot reach origin: {detail}\n")).with_status(StatusCode::BAD_GATEWAY)
}
