//! The core cache and the HTTP cache.

use crate::fastly::compute::{
    cache::{
        self, ExtraLookupOptions, ExtraReplaceOptions, ExtraWriteOptions, GetBodyOptions,
        ReplaceEntry, ReplaceOptions, ReplaceStrategy,
    },
    http_body::{self, Body},
    http_cache,
    http_req::Request,
    http_resp::Response,
};
use crate::http::content;
use crate::said::{say, take};
use crate::MOST;

const SECOND: u64 = 1_000_000_000;

fn looking() -> cache::LookupOptions<'static> {
    cache::LookupOptions { request_headers: None, always_use_requested_range: false, extra: None }
}

fn writing() -> cache::WriteOptions<'static> {
    cache::WriteOptions {
        max_age_ns: 60 * SECOND,
        request_headers: None,
        vary_rule: Some("x-kind".to_owned()),
        initial_age_ns: Some(0),
        stale_while_revalidate_ns: Some(30 * SECOND),
        surrogate_keys: Some("one two".to_owned()),
        length: Some(7),
        user_metadata: Some(b"about it".to_vec()),
        edge_max_age_ns: Some(50 * SECOND),
        sensitive_data: false,
        extra: None,
    }
}

const WHOLE: GetBodyOptions<'static> = GetBodyOptions { from: None, to: None, extra: None };

fn fill(body: Body) {
    http_body::write(&body, b"content").unwrap();
    http_body::close(body).unwrap();
}

pub fn cache() {
    let req = Request::new().unwrap();
    req.insert_header("x-kind", b"a").unwrap();
    let extra = say("cache.[constructor]extra-write-options", ExtraWriteOptions::new());
    let options = cache::WriteOptions {
        request_headers: Some(&req),
        extra: Some(&extra),
        ..writing()
    };
    fill(take("cache.insert", cache::insert(b"inserted", &options)));
    let extra = say("cache.[constructor]extra-lookup-options", ExtraLookupOptions::new());
    let options = cache::LookupOptions {
        request_headers: Some(&req),
        always_use_requested_range: true,
        extra: Some(&extra),
    };
    let found = take("cache.[static]entry.lookup", cache::Entry::lookup(b"inserted", &options));
    say("cache.[method]entry.get-state", found.get_state());
    say("cache.[method]entry.get-user-metadata", found.get_user_metadata(MOST));
    say("cache.[method]entry.get-length", found.get_length());
    say("cache.[method]entry.get-max-age-ns", found.get_max_age_ns());
    let stale = found.get_stale_while_revalidate_ns();
    say("cache.[method]entry.get-stale-while-revalidate-ns", stale);
    println!("{}", found.get_age_ns().unwrap().unwrap() < 60 * SECOND);
    say("cache.[method]entry.get-age-ns", ());
    say("cache.[method]entry.get-hits", found.get_hits());
    let range = GetBodyOptions { from: Some(1), to: Some(3), extra: None };
    let body = take("cache.[method]entry.get-body", found.get_body(&range));
    println!("{}", String::from_utf8_lossy(&content(&body)));
    drop(body);
    say("cache.close-entry", cache::close_entry(found));

    let missed = take(
        "cache.[static]entry.transaction-lookup",
        cache::Entry::transaction_lookup(b"transaction", &looking()),
    );
    say("cache.[method]entry.get-state", missed.get_state());
    say("cache.[method]entry.get-length", missed.get_length());
    say("cache.[method]entry.get-body", missed.get_body(&WHOLE));
    let made = missed.transaction_insert(&writing());
    fill(take("cache.[method]entry.transaction-insert", made));
    let pending = take(
        "cache.[static]entry.transaction-lookup-async",
        cache::Entry::transaction_lookup_async(b"transaction", &looking()),
    );
    let found = take("cache.await-entry", cache::await_entry(pending));
    say("cache.[method]entry.get-state", found.get_state());
    say("cache.[method]entry.step", found.step());
    say("cache.[method]entry.transaction-update", found.transaction_update(&writing()));
    let pending = cache::Entry::transaction_lookup_async(b"transaction", &looking()).unwrap();
    say("cache.close-pending-entry", cache::close_pending_entry(pending));

    let missed = cache::Entry::transaction_lookup(b"streamed", &looking()).unwrap();
    let made = missed.transaction_insert_and_stream_back(&writing());
    let (body, streamed) = take("cache.[method]entry.transaction-insert-and-stream-back", made);
    fill(body);
    println!("{}", String::from_utf8_lossy(&content(&streamed.get_body(&WHOLE).unwrap())));
    let missed = cache::Entry::transaction_lookup(b"left", &looking()).unwrap();
    say("cache.[method]entry.transaction-cancel", missed.transaction_cancel());
}

pub fn replace() {
    fill(cache::insert(b"replaced", &writing()).unwrap());
    let extra = say("cache.[constructor]extra-replace-options", ExtraReplaceOptions::new());
    let options = ReplaceOptions {
        request_headers: None,
        replace_strategy: Some(ReplaceStrategy::Immediate),
        always_use_requested_range: false,
        extra: Some(&extra),
    };
    let entry = take(
        "cache.[static]replace-entry.replace",
        ReplaceEntry::replace(b"replaced", &options),
    );
    println!("{}", entry.get_age_ns().unwrap().is_some());
    say("cache.[method]replace-entry.get-age-ns", ());
    say("cache.[method]replace-entry.get-hits", entry.get_hits());
    say("cache.[method]replace-entry.get-length", entry.get_length());
    say("cache.[method]replace-entry.get-max-age-ns", entry.get_max_age_ns());
    let stale = entry.get_stale_while_revalidate_ns();
    say("cache.[method]replace-entry.get-stale-while-revalidate-ns", stale);
    say("cache.[method]replace-entry.get-state", entry.get_state());
    say("cache.[method]replace-entry.get-user-metadata", entry.get_user_metadata(MOST));
    say("cache.[method]replace-entry.step", entry.step());
    let body = take("cache.[method]replace-entry.get-body", entry.get_body(&WHOLE)).unwrap();
    println!("{}", String::from_utf8_lossy(&content(&body)));
    drop(body);
    fill(take("cache.replace-insert", cache::replace_insert(entry, &writing())));
    let entry = ReplaceEntry::replace(b"nothing", &options).unwrap();
    say("cache.[method]replace-entry.get-state", entry.get_state());
    say("cache.[method]replace-entry.get-length", entry.get_length());
    say("cache.[method]replace-entry.get-body", entry.get_body(&WHOLE));
    say("cache.close-replace-entry", cache::close_replace_entry(entry));
}

fn request_for(path: &str) -> Request {
    let req = Request::new().unwrap();
    req.set_uri(&format!("http://cached.test/{path}")).unwrap();
    req
}

fn response() -> Response {
    let resp = Response::new().unwrap();
    resp.insert_header("cache-control", b"max-age=100, stale-while-revalidate=50").unwrap();
    resp.insert_header("vary", b"x-kind").unwrap();
    resp.insert_header("surrogate-key", b"three").unwrap();
    resp
}

fn storing() -> http_cache::WriteOptions<'static> {
    http_cache::WriteOptions {
        max_age_ns: 60 * SECOND,
        vary_rule: Some("x-kind".to_owned()),
        initial_age_ns: Some(0),
        stale_while_revalidate_ns: Some(30 * SECOND),
        stale_if_error_ns: Some(40 * SECOND),
        surrogate_keys: Some("one two".to_owned()),
        length: Some(7),
        sensitive_data: true,
        extra: None,
    }
}

fn searching() -> http_cache::LookupOptions<'static> {
    http_cache::LookupOptions { override_key: None, backend: None, extra: None }
}

fn look(path: &str) -> http_cache::Entry {
    http_cache::Entry::transaction_lookup(&request_for(path), &searching()).unwrap()
}

pub fn http_cache() {
    let req = request_for("a");
    say("http-cache.is-request-cacheable", http_cache::is_request_cacheable(&req));
    let key = http_cache::get_suggested_cache_key(&req, MOST).unwrap();
    println!("{key:?}");
    say("http-cache.get-suggested-cache-key", ());
    let missed = take(
        "http-cache.[static]entry.transaction-lookup",
        http_cache::Entry::transaction_lookup(&req, &searching()),
    );
    say("http-cache.[method]entry.get-state", missed.get_state());
    say("http-cache.[method]entry.step", missed.step());
    let asked = take(
        "http-cache.[method]entry.get-suggested-backend-request",
        missed.get_suggested_backend_request(),
    );
    println!("{}", asked.get_method(MOST).unwrap());
    let resp = response();
    let suggested = take(
        "http-cache.[method]entry.get-suggested-write-options",
        missed.get_suggested_write_options(&resp),
    );
    macro_rules! suggests {
        ($($name:literal $f:ident($($more:expr),*);)*) => { $(say(
            concat!("http-cache.[method]suggested-write-options.", $name),
            suggested.$f($($more),*),
        );)* };
    }
    suggests!(
        "get-max-age-ns" get_max_age_ns();
        "get-vary-rule" get_vary_rule(MOST);
        "get-initial-age-ns" get_initial_age_ns();
        "get-stale-while-revalidate-ns" get_stale_while_revalidate_ns();
        "get-stale-if-error-ns" get_stale_if_error_ns();
        "get-surrogate-keys" get_surrogate_keys(MOST);
        "get-length" get_length();
        "get-sensitive-data" get_sensitive_data();
    );
    let (_, stored) = take(
        "http-cache.[method]entry.prepare-response-for-storage",
        missed.prepare_response_for_storage(&resp),
    );
    let made = missed.transaction_insert(stored, &storing());
    fill(take("http-cache.[method]entry.transaction-insert", made));

    let found = look("a");
    say("http-cache.[method]entry.get-state", found.get_state());
    say("http-cache.[method]entry.get-length", found.get_length());
    say("http-cache.[method]entry.get-max-age-ns", found.get_max_age_ns());
    let stale = found.get_stale_while_revalidate_ns();
    say("http-cache.[method]entry.get-stale-while-revalidate-ns", stale);
    say("http-cache.[method]entry.get-stale-if-error-ns", found.get_stale_if_error_ns());
    println!("{}", found.get_age_ns().unwrap().unwrap() < 60 * SECOND);
    say("http-cache.[method]entry.get-age-ns", ());
    say("http-cache.[method]entry.get-hits", found.get_hits());
    say("http-cache.[method]entry.get-sensitive-data", found.get_sensitive_data());
    say("http-cache.[method]entry.get-surrogate-keys", found.get_surrogate_keys(MOST));
    say("http-cache.[method]entry.get-vary-rule", found.get_vary_rule(MOST));
    let given = take("http-cache.[method]entry.get-found-response", found.get_found_response(1));
    let (resp, body) = given.unwrap();
    println!("{} {}", resp.get_status().unwrap(), String::from_utf8_lossy(&content(&body)));
    drop(body);
    say("http-cache.close-entry", http_cache::close_entry(found));
}

pub fn http_cache_ends() {
    let missed = look("b");
    let made = missed.transaction_insert_and_stream_back(response(), &storing());
    let (body, streamed) =
        take("http-cache.[method]entry.transaction-insert-and-stream-back", made);
    fill(body);
    let (_, body) = streamed.get_found_response(0).unwrap().unwrap();
    println!("{}", String::from_utf8_lossy(&content(&body)));
    let found = look("b");
    say(
        "http-cache.[method]entry.transaction-update",
        found.transaction_update(response(), &storing()),
    );
    say(
        "http-cache.[method]entry.transaction-update-and-return-fresh",
        look("b").transaction_update_and_return_fresh(response(), &storing()),
    );
    say("http-cache.[method]entry.transaction-choose-stale", look("b").transaction_choose_stale());
    let missed = look("c");
    say("http-cache.[method]entry.get-found-response", missed.get_found_response(0));
    say("http-cache.[method]entry.get-length", missed.get_length());
    let noted = missed.transaction_record_not_cacheable(&storing());
    say("http-cache.[method]entry.transaction-record-not-cacheable", noted);
    say("http-cache.[method]entry.transaction-abandon", look("d").transaction_abandon());
}
