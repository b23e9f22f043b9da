//! The core cache and the HTTP cache.

use crate::call;
use crate::http::{content, finish, new_request};
use crate::said::{done, handle, line, made, number, text, told};
use fastly_shared::FastlyStatus;
use fastly_sys::{
    fastly_cache::{
        self as cache, CacheGetBodyOptions, CacheGetBodyOptionsMask, CacheLookupOptions,
        CacheLookupOptionsMask, CacheReplaceOptions, CacheReplaceOptionsMask, CacheWriteOptions,
        CacheWriteOptionsMask,
    },
    fastly_http_cache::{
        self as http_cache, HttpCacheLookupOptions, HttpCacheLookupOptionsMask,
        HttpCacheWriteOptions, HttpCacheWriteOptionsMask, HttpStorageAction,
    },
    fastly_http_req as http_req, fastly_http_resp as http_resp,
};
use std::ptr::null;

#[link(wasm_import_module = "fastly_http_cache")]
extern "C" {
    fn get_suggested_cache_key(req: u32, at: *mut u8, room: usize, length: *mut usize) -> FastlyStatus;
}

const SECOND: u64 = 1_000_000_000;
const VARY: &str = "x-kind";
const KEYS: &str = "one two";
const ABOUT: &str = "about it";

fn looking(req: Option<u32>) -> (CacheLookupOptionsMask, CacheLookupOptions) {
    let options =
        CacheLookupOptions { request_headers: req.unwrap_or(0), service: null(), service_len: 0 };
    let mask = match req {
        Some(_) => {
            CacheLookupOptionsMask::REQUEST_HEADERS
                | CacheLookupOptionsMask::ALWAYS_USE_REQUESTED_RANGE
        }
        None => CacheLookupOptionsMask::empty(),
    };
    (mask, options)
}

fn writing(req: Option<u32>) -> (CacheWriteOptionsMask, CacheWriteOptions) {
    let options = CacheWriteOptions {
        max_age_ns: 60 * SECOND,
        request_headers: req.unwrap_or(0),
        vary_rule_ptr: VARY.as_ptr(),
        vary_rule_len: VARY.len(),
        initial_age_ns: 0,
        stale_while_revalidate_ns: 30 * SECOND,
        surrogate_keys_ptr: KEYS.as_ptr(),
        surrogate_keys_len: KEYS.len(),
        length: 7,
        user_metadata_ptr: ABOUT.as_ptr(),
        user_metadata_len: ABOUT.len(),
        edge_max_age_ns: 50 * SECOND,
        service: null(),
        service_len: 0,
    };
    let mut mask = CacheWriteOptionsMask::all()
        - CacheWriteOptionsMask::_RESERVED
        - CacheWriteOptionsMask::SENSITIVE_DATA
        - CacheWriteOptionsMask::SERVICE;
    mask.set(CacheWriteOptionsMask::REQUEST_HEADERS, req.is_some());
    (mask, options)
}

fn whole() -> (CacheGetBodyOptionsMask, CacheGetBodyOptions) {
    (CacheGetBodyOptionsMask::empty(), CacheGetBodyOptions { from: 0, to: 0 })
}

fn fill(body: u32) {
    finish(body, b"content");
}

fn lookup(key: &str, out: *mut u32) -> FastlyStatus {
    let (mask, options) = looking(None);
    call!(cache::transaction_lookup; str key, mask, &options, out)
}

macro_rules! numbers {
    ($of:ident, $prefix:literal; $($name:literal $f:path;)*) => { $(
        number::<u64>(concat!($prefix, $name), |out| call!($f; $of, out));
    )* };
}

fn state(name: &str, call: impl FnOnce(*mut u32) -> FastlyStatus) {
    number::<u32>(name, call);
}

pub fn cache() {
    let req = made(|out| call!(http_req::new; out));
    assert!(call!(http_req::header_insert; req, str VARY, str "a").is_ok());
    let key = "inserted";
    let (mask, options) = writing(Some(req));
    fill(handle("cache.insert", |out| call!(cache::insert; str key, mask, &options, out)));
    let (mask, options) = looking(Some(req));
    let found = handle("cache.[static]entry.lookup", |out| {
        call!(cache::lookup; str key, mask, &options, out)
    });
    state("cache.[method]entry.get-state", |out| call!(cache::get_state; found, out.cast()));
    told("cache.[method]entry.get-user-metadata", |at, room, length| {
        call!(cache::get_user_metadata; found, at, room, length)
    });
    numbers!(found, "cache.[method]entry.";
        "get-length" cache::get_length;
        "get-max-age-ns" cache::get_max_age_ns;
        "get-stale-while-revalidate-ns" cache::get_stale_while_revalidate_ns;
    );
    let mut age = u64::MAX;
    done("cache.[method]entry.get-age-ns", call!(cache::get_age_ns; found, &mut age));
    println!("{}", age < 60 * SECOND);
    numbers!(found, "cache.[method]entry."; "get-hits" cache::get_hits;);
    let mask = CacheGetBodyOptionsMask::FROM | CacheGetBodyOptionsMask::TO;
    let range = CacheGetBodyOptions { from: 1, to: 3 };
    let body = handle("cache.[method]entry.get-body", |out| {
        call!(cache::get_body; found, mask, &range, out)
    });
    println!("{}", content(body));
    done("cache.close-entry", call!(cache::close; found));

    let key = "transaction";
    let missed = handle("cache.[static]entry.transaction-lookup", |out| lookup(key, out));
    state("cache.[method]entry.get-state", |out| call!(cache::get_state; missed, out.cast()));
    numbers!(missed, "cache.[method]entry."; "get-length" cache::get_length;);
    let (mask, range) = whole();
    handle("cache.[method]entry.get-body", |out| call!(cache::get_body; missed, mask, &range, out));
    let (mask, options) = writing(None);
    fill(handle("cache.[method]entry.transaction-insert", |out| {
        call!(cache::transaction_insert; missed, mask, &options, out)
    }));
    let (look_mask, look_options) = looking(None);
    let pending = handle("cache.[static]entry.transaction-lookup-async", |out| {
        call!(cache::transaction_lookup_async; str key, look_mask, &look_options, out)
    });
    let found = handle("cache.await-entry", |out| call!(cache::cache_busy_handle_wait; pending, out));
    state("cache.[method]entry.get-state", |out| call!(cache::get_state; found, out.cast()));
    let status = call!(cache::transaction_update; found, mask, &options);
    done("cache.[method]entry.transaction-update", status);
    let pending = made(|out| {
        call!(cache::transaction_lookup_async; str key, look_mask, &look_options, out)
    });
    done("cache.close-pending-entry", call!(cache::close_busy; pending));

    let missed = made(|out| lookup("streamed", out));
    let (mut body, mut streamed) = (0, 0);
    let status = call!(
        cache::transaction_insert_and_stream_back;
        missed, mask, &options, &mut body, &mut streamed
    );
    assert!(status.is_ok());
    line("cache.[method]entry.transaction-insert-and-stream-back", "a handle a handle");
    fill(body);
    let (mask, range) = whole();
    println!("{}", content(made(|out| call!(cache::get_body; streamed, mask, &range, out))));
    let missed = made(|out| lookup("left", out));
    done("cache.[method]entry.transaction-cancel", call!(cache::transaction_cancel; missed));
}

fn replacing(key: &str, out: *mut u32) -> FastlyStatus {
    let options = CacheReplaceOptions {
        request_headers: 0,
        replace_strategy: 1,
        service: null(),
        service_len: 0,
    };
    call!(cache::replace; str key, CacheReplaceOptionsMask::REPLACE_STRATEGY, &options, out)
}

pub fn replace() {
    let key = "replaced";
    let (mask, options) = writing(None);
    fill(made(|out| call!(cache::insert; str key, mask, &options, out)));
    let entry = handle("cache.[static]replace-entry.replace", |out| replacing(key, out));
    println!("{}", call!(cache::replace_get_age_ns; entry, &mut 0).is_ok());
    line("cache.[method]replace-entry.get-age-ns", "done");
    numbers!(entry, "cache.[method]replace-entry.";
        "get-hits" cache::replace_get_hits;
        "get-length" cache::replace_get_length;
        "get-max-age-ns" cache::replace_get_max_age_ns;
        "get-stale-while-revalidate-ns" cache::replace_get_stale_while_revalidate_ns;
    );
    let named = "cache.[method]replace-entry.get-state";
    state(named, |out| call!(cache::replace_get_state; entry, out.cast()));
    told("cache.[method]replace-entry.get-user-metadata", |at, room, length| {
        call!(cache::replace_get_user_metadata; entry, at, room, length)
    });
    let (body_mask, range) = whole();
    let body = handle("cache.[method]replace-entry.get-body", |out| {
        call!(cache::replace_get_body; entry, body_mask, &range, out)
    });
    println!("{}", content(body));
    fill(handle("cache.replace-insert", |out| {
        call!(cache::replace_insert; entry, mask, &options, out)
    }));
    let entry = made(|out| replacing("nothing", out));
    state(named, |out| call!(cache::replace_get_state; entry, out.cast()));
    numbers!(entry, "cache.[method]replace-entry."; "get-length" cache::replace_get_length;);
    handle("cache.[method]replace-entry.get-body", |out| {
        call!(cache::replace_get_body; entry, body_mask, &range, out)
    });
    done("cache.close-replace-entry", call!(cache::close; entry));
}

fn request_for(path: &str) -> u32 {
    new_request(&format!("http://cached.test/{path}"))
}

fn response() -> u32 {
    let resp = made(|out| call!(http_resp::new; out));
    for (name, value) in [
        ("cache-control", "max-age=100, stale-while-revalidate=50"),
        ("vary", "x-kind"),
        ("surrogate-key", "three"),
    ] {
        assert!(call!(http_resp::header_insert; resp, str name, str value).is_ok());
    }
    resp
}

fn storing() -> (HttpCacheWriteOptionsMask, HttpCacheWriteOptions) {
    let options = HttpCacheWriteOptions {
        max_age_ns: 60 * SECOND,
        vary_rule_ptr: VARY.as_ptr(),
        vary_rule_len: VARY.len(),
        initial_age_ns: 0,
        stale_while_revalidate_ns: 30 * SECOND,
        surrogate_keys_ptr: KEYS.as_ptr(),
        surrogate_keys_len: KEYS.len(),
        length: 7,
        stale_if_error_ns: 40 * SECOND,
    };
    (HttpCacheWriteOptionsMask::all() - HttpCacheWriteOptionsMask::_RESERVED, options)
}

fn search(req: u32, out: *mut u32) -> FastlyStatus {
    let options = HttpCacheLookupOptions {
        override_key_ptr: null(),
        override_key_len: 0,
        backend_name_ptr: null(),
        backend_name_len: 0,
    };
    call!(http_cache::transaction_lookup; req, HttpCacheLookupOptionsMask::empty(), &options, out)
}

fn look(path: &str) -> u32 {
    let req = request_for(path);
    made(|out| search(req, out))
}

/// What is suggested for a response: in the module's spelling a record, with the lengths of its texts to be asked for first.
fn suggest(entry: u32, resp: u32) {
    let (mut vary, mut keys) = ([0u8; 100], [0u8; 100]);
    let (_, mut options) = storing();
    (options.vary_rule_ptr, options.vary_rule_len) = (vary.as_mut_ptr(), vary.len());
    (options.surrogate_keys_ptr, options.surrogate_keys_len) = (keys.as_mut_ptr(), keys.len());
    let mut out = options;
    let mut mask = HttpCacheWriteOptionsMask::empty();
    let all = HttpCacheWriteOptionsMask::all() - HttpCacheWriteOptionsMask::_RESERVED;
    let status = call!(
        http_cache::get_suggested_cache_options;
        entry, resp, all, &options, &mut mask, &mut out
    );
    assert!(status.is_ok());
    let text = |bytes: &[u8], length| String::from_utf8_lossy(&bytes[..length]).into_owned();
    let prefix = "http-cache.[method]suggested-write-options.";
    line(&format!("{prefix}get-max-age-ns"), out.max_age_ns);
    line(&format!("{prefix}get-vary-rule"), text(&vary, out.vary_rule_len));
    line(&format!("{prefix}get-initial-age-ns"), out.initial_age_ns);
    let stale = out.stale_while_revalidate_ns;
    line(&format!("{prefix}get-stale-while-revalidate-ns"), stale);
    line(&format!("{prefix}get-stale-if-error-ns"), out.stale_if_error_ns);
    line(&format!("{prefix}get-surrogate-keys"), text(&keys, out.surrogate_keys_len));
    let length = mask.contains(HttpCacheWriteOptionsMask::LENGTH).then_some(out.length);
    let length = length.map_or("none".to_owned(), |length| length.to_string());
    line(&format!("{prefix}get-length"), length);
    let sensitive = mask.contains(HttpCacheWriteOptionsMask::SENSITIVE_DATA);
    line(&format!("{prefix}get-sensitive-data"), u8::from(sensitive));
}

pub fn http_cache() {
    let req = request_for("a");
    number::<u32>("http-cache.is-request-cacheable", |out| {
        call!(http_cache::is_request_cacheable; req, out)
    });
    let mut key = [0u8; 32];
    let status = call!(get_suggested_cache_key; req, key.as_mut_ptr(), 32, &mut 0);
    done("http-cache.get-suggested-cache-key", status);
    println!("{key:?}");
    let missed = handle("http-cache.[static]entry.transaction-lookup", |out| search(req, out));
    state("http-cache.[method]entry.get-state", |out| {
        call!(http_cache::get_state; missed, out.cast())
    });
    let asked = handle("http-cache.[method]entry.get-suggested-backend-request", |out| {
        call!(http_cache::get_suggested_backend_request; missed, out)
    });
    println!("{}", text(|at, room, length| call!(http_req::method_get; asked, at, room, length)));
    let resp = response();
    line("http-cache.[method]entry.get-suggested-write-options", "a handle");
    suggest(missed, resp);
    let (mut action, mut stored) = (HttpStorageAction::DoNotStore, 0);
    let status =
        call!(http_cache::prepare_response_for_storage; missed, resp, &mut action, &mut stored);
    assert!(status.is_ok());
    let said = format!("{} a handle", action as u32);
    line("http-cache.[method]entry.prepare-response-for-storage", said);
    let (mask, options) = storing();
    fill(handle("http-cache.[method]entry.transaction-insert", |out| {
        call!(http_cache::transaction_insert; missed, stored, mask, &options, out)
    }));

    let found = look("a");
    state("http-cache.[method]entry.get-state", |out| {
        call!(http_cache::get_state; found, out.cast())
    });
    numbers!(found, "http-cache.[method]entry.";
        "get-length" http_cache::get_length;
        "get-max-age-ns" http_cache::get_max_age_ns;
        "get-stale-while-revalidate-ns" http_cache::get_stale_while_revalidate_ns;
        "get-stale-if-error-ns" http_cache::get_stale_if_error_ns;
        "get-hits" http_cache::get_hits;
    );
    let mut age = u64::MAX;
    done("http-cache.[method]entry.get-age-ns", call!(http_cache::get_age_ns; found, &mut age));
    println!("{}", age < 60 * SECOND);
    number::<u32>("http-cache.[method]entry.get-sensitive-data", |out| {
        call!(http_cache::get_sensitive_data; found, out)
    });
    told("http-cache.[method]entry.get-surrogate-keys", |at, room, length| {
        call!(http_cache::get_surrogate_keys; found, at, room, length)
    });
    told("http-cache.[method]entry.get-vary-rule", |at, room, length| {
        call!(http_cache::get_vary_rule; found, at, room, length)
    });
    let (mut resp, mut body, mut status) = (0, 0, 0);
    let got = call!(http_cache::get_found_response; found, 1, &mut resp, &mut body);
    assert!(got.is_ok());
    line("http-cache.[method]entry.get-found-response", "a handle a handle");
    assert!(call!(http_resp::status_get; resp, &mut status).is_ok());
    println!("{status} {}", content(body));
    done("http-cache.close-entry", call!(http_cache::close; found));
}

pub fn http_cache_ends() {
    let (mask, options) = storing();
    let missed = look("b");
    let (mut body, mut streamed) = (0, 0);
    let status = call!(
        http_cache::transaction_insert_and_stream_back;
        missed, response(), mask, &options, &mut body, &mut streamed
    );
    assert!(status.is_ok());
    line("http-cache.[method]entry.transaction-insert-and-stream-back", "a handle a handle");
    fill(body);
    let (mut resp, mut body) = (0, 0);
    let got = call!(http_cache::get_found_response; streamed, 0, &mut resp, &mut body);
    assert!(got.is_ok());
    println!("{}", content(body));
    let found = look("b");
    let status = call!(http_cache::transaction_update; found, response(), mask, &options);
    done("http-cache.[method]entry.transaction-update", status);
    let found = look("b");
    handle("http-cache.[method]entry.transaction-update-and-return-fresh", |out| {
        call!(
            http_cache::transaction_update_and_return_fresh;
            found, response(), mask, &options, out
        )
    });
    let status = call!(http_cache::transaction_choose_stale; look("b"));
    done("http-cache.[method]entry.transaction-choose-stale", status);
    let missed = look("c");
    let got = call!(http_cache::get_found_response; missed, 0, &mut resp, &mut body);
    done("http-cache.[method]entry.get-found-response", got);
    numbers!(missed, "http-cache.[method]entry."; "get-length" http_cache::get_length;);
    let status = call!(http_cache::transaction_record_not_cacheable; missed, mask, &options);
    done("http-cache.[method]entry.transaction-record-not-cacheable", status);
    let status = call!(http_cache::transaction_abandon; look("d"));
    done("http-cache.[method]entry.transaction-abandon", status);
}
