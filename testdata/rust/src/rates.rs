//! The routes that count and limit rates: `?entry=` is who is counted.

use crate::{query, text};
use fastly::erl::{CounterDuration, ERLError, Penaltybox, RateCounter, RateWindow, ERL};
use fastly::http::StatusCode;
use fastly::{Request, Response};
use std::time::Duration;

const COUNTER: &str = "requests";
const BOX: &str = "offenders";

/// The routes of this file; nothing for others.
pub fn answer(path: &str, req: &Request) -> Option<Response> {
    let answered = match path {
        "/rate/count" => count(req),
        "/rate/check" => check(req),
        "/rate/punish" => Penaltybox::open(BOX)
            .add(&entry(req), ttl(req))
            .map(|()| text("punished\n")),
        "/rate/box" => Penaltybox::open(BOX)
            .has(&entry(req))
            .map(|has| text(if has { "in\n" } else { "out\n" })),
        _ => return None,
    };
    Some(answered.unwrap_or_else(|error| {
        text(&format!("failed: {error:?}\n")).with_status(StatusCode::BAD_REQUEST)
    }))
}

/// Counts `?delta=`, and tells the rates and the counts, shortest time first.
fn count(req: &Request) -> Result<Response, ERLError> {
    let counter = RateCounter::open(COUNTER);
    let entry = entry(req);
    if let Some(delta) = number(req, "delta") {
        counter.increment(&entry, delta)?;
    }
    let mut numbers = Vec::new();
    for window in [
        RateWindow::OneSec,
        RateWindow::TenSecs,
        RateWindow::SixtySecs,
    ] {
        numbers.push(counter.lookup_rate(&entry, window)?.to_string());
    }
    for duration in [
        CounterDuration::TenSec,
        CounterDuration::TwentySecs,
        CounterDuration::ThirtySecs,
        CounterDuration::FortySecs,
        CounterDuration::FiftySecs,
        CounterDuration::SixtySecs,
    ] {
        numbers.push(counter.lookup_count(&entry, duration)?.to_string());
    }
    Ok(text(&numbers.join(" ")))
}

/// More than `?limit=` a second, over ten seconds, are `?minutes=` in the box.
fn check(req: &Request) -> Result<Response, ERLError> {
    let limiter = ERL::open(RateCounter::open(COUNTER), Penaltybox::open(BOX));
    let delta = number(req, "delta").unwrap_or(1);
    let limit = number(req, "limit").unwrap_or(0);
    let blocked = limiter.check_rate(&entry(req), delta, RateWindow::TenSecs, limit, ttl(req))?;
    Ok(text(if blocked { "blocked\n" } else { "allowed\n" }))
}

fn entry(req: &Request) -> String {
    query(req, "entry").unwrap_or_default()
}

fn ttl(req: &Request) -> Duration {
    Duration::from_secs(60 * u64::from(number(req, "minutes").unwrap_or(1)))
}

fn number(req: &Request, name: &str) -> Option<u32> {
    query(req, name)?.parse().ok()
}
