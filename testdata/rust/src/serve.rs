//! Several requests in one sandbox, with the SDK's own API. The environment's `SERVE` chooses: `loop` for
//! `Serve`, `poll` for a promise that is looked at before the response is sent.

use crate::text;
use fastly::http::serve::{NextRequestError, NextRequestOptions, RequestPromise, Serve};
use fastly::http::StatusCode;
use fastly::log::Endpoint;
use fastly::{Request, Response};
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

/// Serves as many requests as `SERVE_MOST` allows, or the host, and says in the log how many there were.
pub fn run(mode: &str) {
    let served = match mode {
        "poll" => poll(),
        _ => serve(),
    };
    let mut log = Endpoint::from_name("serve");
    log.write_all(format!("served {served}").as_bytes())
        .expect("the log endpoint accepts a record");
}

fn serve() -> usize {
    let mut count = 0;
    let mut serve = Serve::new().with_max_requests(number("SERVE_MOST").unwrap_or(0) as usize);
    if let Some(ms) = number("SERVE_TIMEOUT") {
        serve = serve.with_timeout(Duration::from_millis(ms));
    }
    let summary = serve.run(|req| {
        count += 1;
        answer(req, count)
    });
    summary.requests()
}

/// Asks for the next request before it answers the current one, and looks at the promise now and then.
fn poll() -> usize {
    let mut req = Request::from_client();
    let mut count = 0;
    loop {
        count += 1;
        let promise = RequestPromise::new(&NextRequestOptions::default()).expect("a promise");
        // Not yet; or never, if the host wants this sandbox to end.
        let promise = match promise.wait_timeout(Duration::ZERO) {
            Err(NextRequestError::Timeout(promise)) => Some(promise),
            Err(_) => None,
            Ok(_) => panic!("a request before the response to the last one"),
        };
        answer(req, count).send_to_client();
        let Some(mut promise) = promise.filter(|_| number("SERVE_MOST") != Some(count as u64))
        else {
            return count;
        };
        req = loop {
            match promise.wait_timeout(Duration::ZERO) {
                Ok(next) => break next,
                Err(NextRequestError::Timeout(again)) => promise = again,
                Err(_) => return count,
            }
            sleep(Duration::from_millis(2));
        };
    }
}

fn answer(mut req: Request, count: usize) -> Response {
    match req.get_path() {
        "/trap" => panic!("trapped on purpose"),
        "/fail" => text("failed\n").with_status(StatusCode::INTERNAL_SERVER_ERROR),
        "/echo" => text(&req.take_body_str()),
        path => text(&format!(
            "{} {} {count} {path}\n",
            std::env::var("FASTLY_TRACE_ID").unwrap_or_default(),
            req.get_client_request_id().unwrap_or_default(),
        )),
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
