//! Stores, look-ups, logs, counters and the run itself.

use crate::fastly::compute::{
    acl::Acl,
    async_io::{self, Pollable},
    compute_runtime as runtime,
    config_store,
    device_detection,
    dictionary::Dictionary,
    erl::{PenaltyBox, RateCounter},
    geo, http_body,
    kv_store::{self, InsertMode, InsertOptions, ListMode, ListOptions},
    log::Endpoint,
    purge::{self, PurgeOptions},
    secret_store,
    types::IpAddress,
};
use crate::http::content;
use crate::said::{say, take};
use crate::MOST;

pub fn stores() {
    let store = take("config-store.[static]store.open", config_store::Store::open("settings"));
    say("config-store.[method]store.get", store.get("greeting", MOST));
    let entries = take("dictionary.[static]dictionary.open", Dictionary::open("settings"));
    say("dictionary.[method]dictionary.lookup", entries.lookup("none", MOST));
    let store = take("secret-store.[static]store.open", secret_store::Store::open("secrets"));
    let secret = take("secret-store.[method]store.get", store.get("key")).unwrap();
    say("secret-store.[method]secret.plaintext", secret.plaintext(MOST));
    let made = secret_store::Secret::from_bytes(b"made here");
    println!("{}", String::from_utf8_lossy(&take("secret-store.[static]secret.from-bytes", made).plaintext(MOST).unwrap()));
    let acl = take("acl.[static]acl.open", Acl::open("blocked"));
    let found = take("acl.[method]acl.lookup", acl.lookup(IpAddress::Ipv4((192, 0, 2, 1))));
    println!("{}", String::from_utf8_lossy(&content(&found.unwrap())));
    say("geo.lookup", geo::lookup(IpAddress::Ipv4((192, 0, 2, 1)), MOST));
    say("device-detection.lookup", device_detection::lookup("test-agent", MOST));
    let endpoint = take("log.[static]endpoint.open", Endpoint::open("calls-log"));
    endpoint.write(b"a line");
    say("log.[method]endpoint.write", ());
    say("log.[method]endpoint.clone", endpoint.clone()).write(b"a line of the other");
    let options = || PurgeOptions { soft_purge: true, extra: None };
    say("purge.purge-surrogate-key", purge::purge_surrogate_key("one", &options()));
    let told = purge::purge_surrogate_key_verbose("two", &options(), MOST).unwrap();
    println!("{}", told.starts_with('{') && told.contains("\"id\""));
    say("purge.purge-surrogate-key-verbose", ());
}

fn options() -> InsertOptions<'static> {
    InsertOptions {
        background_fetch: false,
        if_generation_match: None,
        metadata: Some("about it".to_owned()),
        time_to_live_sec: Some(100),
        mode: InsertMode::Overwrite,
        extra: None,
    }
}

fn value(text: &[u8]) -> http_body::Body {
    let body = http_body::new().unwrap();
    http_body::write(&body, text).unwrap();
    body
}

pub fn kv() {
    let store = take("kv-store.[static]store.open", kv_store::Store::open("users"));
    say("kv-store.[method]store.insert", store.insert("a", value(b"first"), &options()));
    let pending = store.insert_async("b", value(b"second"), &options());
    let pending = take("kv-store.[method]store.insert-async", pending);
    say("kv-store.await-insert", kv_store::await_insert(pending));
    let found = take("kv-store.[method]store.lookup", store.lookup("a")).unwrap();
    say("kv-store.[method]entry.metadata", found.metadata(MOST));
    println!("generation {}", found.generation() > 0);
    say("kv-store.[method]entry.generation", ());
    let body = say("kv-store.[method]entry.take-body", found.take_body()).unwrap();
    println!("{}", String::from_utf8_lossy(&content(&body)));
    let pending = take("kv-store.[method]store.lookup-async", store.lookup_async("b"));
    say("kv-store.await-lookup", kv_store::await_lookup(pending));
    let list = || ListOptions {
        mode: ListMode::Strong,
        cursor: None,
        limit: Some(1),
        prefix: Some("a".to_owned()),
        extra: None,
    };
    let page = take("kv-store.[method]store.list", store.list(&list()));
    println!("{}", String::from_utf8_lossy(&content(&page)));
    let pending = take("kv-store.[method]store.list-async", store.list_async(&list()));
    let page = take("kv-store.await-list", kv_store::await_list(pending));
    println!("{}", String::from_utf8_lossy(&content(&page)));
    say("kv-store.[method]store.delete", store.delete("a"));
    let pending = take("kv-store.[method]store.delete-async", store.delete_async("b"));
    say("kv-store.await-delete", kv_store::await_delete(pending));
    say("kv-store.[method]store.lookup", store.lookup("a"));
    let kept = InsertOptions { if_generation_match: Some(1), ..options() };
    say("kv-store.[method]store.insert", store.insert("c", value(b""), &kept));
}

pub fn rates() {
    let counter = take("erl.[static]rate-counter.open", RateCounter::open("counter"));
    let penalty_box = take("erl.[static]penalty-box.open", PenaltyBox::open("box"));
    println!("{} {}", counter.get_name(), penalty_box.get_name());
    say("erl.[method]rate-counter.get-name", ());
    say("erl.[method]penalty-box.get-name", ());
    let check = counter.check_rate("entry", 3, 10, 100, &penalty_box, 60);
    say("erl.[method]rate-counter.check-rate", check);
    say("erl.[method]rate-counter.increment", counter.increment("entry", 4));
    say("erl.[method]rate-counter.lookup-count", counter.lookup_count("entry", 10));
    say("erl.[method]rate-counter.lookup-rate", counter.lookup_rate("other", 10));
    say("erl.[method]penalty-box.add", penalty_box.add("entry", 60));
    say("erl.[method]penalty-box.has", penalty_box.has("entry"));
}

pub fn runtime() {
    println!("{} {}", runtime::get_vcpu_ms() < 10_000, runtime::get_heap_mib() > 0);
    say("compute-runtime.get-vcpu-ms", ());
    say("compute-runtime.get-heap-mib", ());
    println!("{}", runtime::get_sandbox_id().len());
    say("compute-runtime.get-sandbox-id", ());
    say("compute-runtime.get-hostname", runtime::get_hostname());
    say("compute-runtime.get-pop", runtime::get_pop());
    say("compute-runtime.get-region", runtime::get_region());
    say("compute-runtime.get-cache-generation", runtime::get_cache_generation());
    say("compute-runtime.get-customer-id", runtime::get_customer_id());
    say("compute-runtime.get-is-staging", runtime::get_is_staging());
    say("compute-runtime.get-service-id", runtime::get_service_id());
    say("compute-runtime.get-service-version", runtime::get_service_version());
    say("compute-runtime.get-namespace-id", runtime::get_namespace_id());
    let products = say("compute-runtime.[static]products.new", runtime::Products::new());
    say("compute-runtime.[method]products.has-domain-inspector", products.has_domain_inspector());
    say("compute-runtime.[method]products.has-image-optimizer", products.has_image_optimizer());
    say("compute-runtime.[method]products.has-origin-inspector", products.has_origin_inspector());
}

pub fn waiting() {
    let ready = say("async-io.[static]pollable.new-ready", Pollable::new_ready());
    say("async-io.[method]pollable.is-ready", ready.is_ready());
    let other = kv_store::Store::open("users").unwrap().lookup_async("none").unwrap();
    say("async-io.select", async_io::select(&[&ready, &other]));
    say("async-io.select-with-timeout", async_io::select_with_timeout(&[&other], 5000));
}
