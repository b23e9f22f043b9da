//! `/http-cache/…`: the rest of the path from the origin, through the cache, by rules that the query tells.

use crate::{query, text};
use fastly::error::anyhow;
use fastly::experimental::RequestCacheKey;
use fastly::http::request::SendErrorCause;
use fastly::http::{CandidateResponse, HeaderName, Method, StatusCode};
use fastly::image_optimizer::{ImageOptimizerOptions, ImageOptimizerRegion};
use fastly::{Request, Response};
use std::io::Write;
use std::time::Duration;

const VARY: HeaderName = HeaderName::from_static("x-variant");

/// The SDK tells by `x-cache` whether the response comes from the cache.
pub fn answer(req: Request, path: &str) -> Response {
    let rules = Rules::of(&req);
    let mut url = req.get_url().clone();
    url.set_path(path);
    url.set_query(None); // the rules are no part of what is asked for
    let mut request = req.with_url(url);
    if let Some(key) = &rules.key {
        RequestCacheKey::set_cache_key_str(&mut request, key);
    }
    if let Some(ms) = rules.lookup_timeout {
        request.set_lookup_timeout(Duration::from_millis(ms));
    }
    if rules.image {
        let region = ImageOptimizerRegion::UsEast;
        request.set_image_optimizer(ImageOptimizerOptions::from_region(region));
    }
    if rules.hooks {
        let after = rules.clone();
        request.set_before_send(move |req| rules.before(req));
        request.set_after_send(move |candidate| after.after(candidate));
    }
    match request.send("origin") {
        Ok(mut resp) => {
            let masked = resp.get_masked_error().map(|error| error.to_string());
            if let Some(error) = masked {
                resp.set_header("x-masked-error", error);
            }
            resp
        }
        Err(error) => text(&format!("failed: {error}\n")).with_status(StatusCode::BAD_GATEWAY),
    }
}

/// What the hooks do, if there are to be any.
#[derive(Clone)]
struct Rules {
    hooks: bool,
    image: bool,
    key: Option<String>,
    /// In milliseconds; the other times are in seconds.
    lookup_timeout: Option<u64>,
    ttl: Option<u64>,
    swr: Option<u64>,
    sie: Option<u64>,
    vary: bool,
    keys: Option<String>,
    /// `record` has such requests pass.
    uncacheable: Option<String>,
    cacheable: bool,
    upper: bool,
    head: bool,
    content: bool,
    fail_before: bool,
    /// Of the origin: it is no failure by itself.
    fail_on_error: bool,
}

impl Rules {
    fn of(req: &Request) -> Rules {
        let has = |name| query(req, name).is_some();
        let number = |name| query(req, name).and_then(|value| value.parse().ok());
        Rules {
            hooks: has("hooks"),
            image: has("image"),
            key: query(req, "key"),
            lookup_timeout: number("lookup-timeout"),
            ttl: number("ttl"),
            swr: number("swr"),
            sie: number("sie"),
            vary: has("vary"),
            keys: query(req, "keys"),
            uncacheable: query(req, "uncacheable"),
            cacheable: has("cacheable"),
            upper: has("upper"),
            head: has("head"),
            content: has("content"),
            fail_before: has("fail-before"),
            fail_on_error: has("fail-on-error"),
        }
    }

    fn before(&self, req: &mut Request) -> Result<(), SendErrorCause> {
        if self.fail_before {
            return Err(SendErrorCause::Custom(anyhow!("before_send has failed")));
        }
        if self.head {
            req.set_method(Method::HEAD);
        }
        if self.content {
            req.set_body("content");
        }
        req.set_header("x-before-send", "1");
        Ok(())
    }

    fn after(&self, candidate: &mut CandidateResponse) -> Result<(), SendErrorCause> {
        if self.fail_on_error && candidate.get_status().is_server_error() {
            let available = candidate.stale_if_error_available();
            return Err(SendErrorCause::Custom(anyhow!(
                "the origin has failed, stale-if-error {available}"
            )));
        }
        candidate.append_header("x-after-send", "1");
        if let Some(ttl) = self.ttl {
            candidate.set_ttl(Duration::from_secs(ttl));
        }
        if let Some(swr) = self.swr {
            candidate.set_stale_while_revalidate(Duration::from_secs(swr));
        }
        if let Some(sie) = self.sie {
            candidate.set_stale_if_error(Duration::from_secs(sie));
        }
        if self.vary {
            candidate.set_vary([&VARY]);
        }
        if let Some(keys) = &self.keys {
            candidate.set_surrogate_keys(keys.split(' '));
        }
        if let Some(how) = &self.uncacheable {
            candidate.set_uncacheable(how == "record");
        }
        if self.cacheable {
            candidate.set_cacheable();
        }
        if self.upper {
            candidate.set_body_transform(|mut body, out| {
                for chunk in body.read_chunks(64) {
                    let chunk = chunk.map_err(|error| SendErrorCause::Custom(error.into()))?;
                    out.write_all(&chunk.to_ascii_uppercase())
                        .map_err(|error| SendErrorCause::Custom(error.into()))?;
                }
                Ok(())
            });
        }
        Ok(())
    }
}
