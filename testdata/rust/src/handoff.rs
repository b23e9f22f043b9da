//! The routes that let somebody else answer.

use crate::{query, text};
use fastly::http::request::SendError;
use fastly::http::StatusCode;
use fastly::{Backend, Request};

/// Hands the request off to the backend of `x-backend`, by default `origin`.
pub fn websocket(mut req: Request) {
    let backend = backend(&mut req);
    req.set_header("x-added", "by the guest");
    // The handshake's own fields are the client's: this does not get through.
    req.set_header("sec-websocket-key", "changed");
    tell(req.handoff_websocket(&backend));
}

/// `?target=HOST:PORT`: as `/websocket`, to a backend that the guest defines.
pub fn websocket_dynamic(req: Request) {
    let target = query(&req, "target").unwrap_or_default();
    let backend = Backend::builder("live", &target)
        .finish()
        .expect("a dynamic backend");
    tell(req.handoff_websocket(backend.name()));
}

pub fn fanout(mut req: Request) {
    let backend = backend(&mut req);
    tell(req.handoff_fanout(&backend));
}

/// The backend's response becomes the client's when it comes; the guest does not wait for it.
pub fn pending() {
    // Past the cache: what goes through it the SDK waits for by itself.
    Request::get("http://origin/late")
        .with_pass(true)
        .send_async("origin")
        .expect("a request under way")
        .send_to_client()
        .expect("a response to come");
}

fn backend(req: &mut Request) -> String {
    req.remove_header_str("x-backend")
        .unwrap_or_else(|| "origin".to_owned())
}

/// A refused hand-off leaves the answer to the guest.
fn tell(result: Result<(), SendError>) {
    if let Err(error) = result {
        text(&format!("not handed off: {:?}\n", error.root_cause()))
            .with_status(StatusCode::SERVICE_UNAVAILABLE)
            .send_to_client();
    }
}
