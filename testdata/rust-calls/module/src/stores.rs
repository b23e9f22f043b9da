//! Stores, look-ups, logs, counters and the run itself.

use crate::call;
use crate::http::{content, filled};
use crate::said::{done, handle, line, made, number, text, told};
use fastly_shared::FastlyStatus;
use fastly_sys::{
    fastly_acl as acl, fastly_async_io as async_io, fastly_compute_runtime as runtime,
    fastly_config_store as config_store, fastly_device_detection as device_detection,
    fastly_dictionary as dictionary, fastly_erl as erl, fastly_geo as geo,
    fastly_kv_store::{self as kv_store, KvError},
    fastly_log as log,
    fastly_purge::{self as purge, PurgeOptions, PurgeOptionsMask},
    fastly_secret_store as secret_store, DeleteConfig, DeleteConfigOptions, InsertConfig,
    InsertConfigOptions, ListConfig, ListConfigOptions, LookupConfig, LookupConfigOptions,
};

const ADDRESS: [u8; 4] = [192, 0, 2, 1];

pub fn stores() {
    let settings = "settings";
    let store = handle("config-store.[static]store.open", |out| {
        call!(config_store::open; str settings, out)
    });
    told("config-store.[method]store.get", |at, room, length| {
        call!(config_store::get; store, str "greeting", at, room, length)
    });
    let store = handle("dictionary.[static]dictionary.open", |out| {
        call!(dictionary::open; str settings, out)
    });
    told("dictionary.[method]dictionary.lookup", |at, room, length| {
        call!(dictionary::get; store, str "none", at, room, length)
    });
    let store = handle("secret-store.[static]store.open", |out| {
        call!(secret_store::open; str "secrets", out)
    });
    let secret = handle("secret-store.[method]store.get", |out| {
        call!(secret_store::get; store, str "key", out)
    });
    told("secret-store.[method]secret.plaintext", |at, room, length| {
        call!(secret_store::plaintext; secret, at, room, length)
    });
    let secret = handle("secret-store.[static]secret.from-bytes", |out| {
        call!(secret_store::from_bytes; str b"made here", out)
    });
    println!("{}", text(|at, room, length| call!(secret_store::plaintext; secret, at, room, length)));
    let list = handle("acl.[static]acl.open", |out| call!(acl::open; str "blocked", out));
    let mut error = acl::AclError::Uninitialized;
    let body = handle("acl.[method]acl.lookup", |out| {
        call!(acl::lookup; list, str ADDRESS, out, &mut error)
    });
    println!("{}", content(body));
    told("geo.lookup", |at, room, length| call!(geo::lookup; str ADDRESS, at, room, length));
    told("device-detection.lookup", |at, room, length| {
        call!(device_detection::lookup; str "test-agent", at, room, length)
    });
    let endpoint = handle("log.[static]endpoint.open", |out| {
        call!(log::endpoint_get; str "calls-log", out)
    });
    done("log.[method]endpoint.write", call!(log::write; endpoint, str "a line", &mut 0));
    assert!(call!(log::write; endpoint, str "a line of the other", &mut 0).is_ok());
    let (mut told, mut length) = (vec![0; 65536], 0);
    let mut options = PurgeOptions {
        ret_buf_ptr: told.as_mut_ptr(),
        ret_buf_len: told.len(),
        ret_buf_nwritten_out: &mut length,
    };
    let soft = PurgeOptionsMask::SOFT_PURGE;
    let status = call!(purge::purge_surrogate_key; str "one", soft, &mut options);
    done("purge.purge-surrogate-key", status);
    let both = PurgeOptionsMask::all();
    let status = call!(purge::purge_surrogate_key; str "two", both, &mut options);
    let told = String::from_utf8_lossy(&told[..length]);
    println!("{}", told.starts_with('{') && told.contains("\"id\""));
    done("purge.purge-surrogate-key-verbose", status);
}

/// What the component's spelling answers with a status and an error of KV stores.
fn kv_line(name: &str, status: FastlyStatus, error: KvError, said: &str) {
    match error {
        KvError::Ok | KvError::Uninitialized if status.is_ok() => line(name, said),
        KvError::Ok | KvError::Uninitialized => done(name, status),
        KvError::NotFound => line(name, "none"),
        other => line(name, format!("KvError::{other:?}")),
    }
}

fn insert(store: u32, key: &str, text: &[u8], generation: Option<u64>, out: *mut u32) -> FastlyStatus {
    let about = "about it";
    let config = InsertConfig {
        metadata: about.as_ptr(),
        metadata_len: about.len() as u32,
        time_to_live_sec: 100,
        if_generation_match: generation.unwrap_or(0),
        ..Default::default()
    };
    let mut mask = InsertConfigOptions::METADATA | InsertConfigOptions::TIME_TO_LIVE_SEC;
    mask.set(InsertConfigOptions::IF_GENERATION_MATCH, generation.is_some());
    let body = filled(text);
    call!(kv_store::insert_v2; store, str key, body, mask, &config, out)
}

fn wait_insert(name: &str, pending: u32) {
    let mut error = KvError::Uninitialized;
    let status = call!(kv_store::pending_insert_wait_v2; pending, &mut error);
    kv_line(name, status, error, "done");
}

fn lookup(store: u32, key: &str, out: *mut u32) -> FastlyStatus {
    let none = LookupConfig::default();
    call!(kv_store::lookup_v2; store, str key, LookupConfigOptions::empty(), &none, out)
}

struct Found {
    body: u32,
    metadata: String,
    generation: u64,
}

fn wait_lookup(name: &str, pending: u32) -> Found {
    let (mut body, mut generation, mut error) = (u32::MAX, 0, KvError::Uninitialized);
    let mut status = FastlyStatus::OK;
    let metadata = text(|at, room, length| {
        status = call!(
            kv_store::lookup_wait_v2;
            pending, &mut body, at, room, length, &mut generation, &mut error
        );
        status
    });
    kv_line(name, status, error, "a handle");
    Found { body, metadata, generation }
}

fn list(store: u32, out: *mut u32) -> FastlyStatus {
    let prefix = "a";
    let config = ListConfig {
        limit: 1,
        prefix: prefix.as_ptr(),
        prefix_len: 1,
        ..Default::default()
    };
    let mask = ListConfigOptions::LIMIT | ListConfigOptions::PREFIX;
    call!(kv_store::list_v2; store, mask, &config, out)
}

fn wait_list(name: &str, pending: u32) {
    let (mut body, mut error) = (0, KvError::Uninitialized);
    let status = call!(kv_store::pending_list_wait_v2; pending, &mut body, &mut error);
    kv_line(name, status, error, "a handle");
    println!("{}", content(body));
}

fn delete(store: u32, key: &str, out: *mut u32) -> FastlyStatus {
    let none = DeleteConfig::default();
    call!(kv_store::delete_v2; store, str key, DeleteConfigOptions::empty(), &none, out)
}

fn wait_delete(name: &str, pending: u32) {
    let mut error = KvError::Uninitialized;
    let status = call!(kv_store::pending_delete_wait_v2; pending, &mut error);
    // Whether there was a value.
    kv_line(name, status, error, "1");
}

pub fn kv() {
    let store = handle("kv-store.[static]store.open", |out| {
        call!(kv_store::open_v2; str "users", out)
    });
    let pending = made(|out| insert(store, "a", b"first", None, out));
    wait_insert("kv-store.[method]store.insert", pending);
    let pending = handle("kv-store.[method]store.insert-async", |out| {
        insert(store, "b", b"second", None, out)
    });
    wait_insert("kv-store.await-insert", pending);
    let found = wait_lookup("kv-store.[method]store.lookup", made(|out| lookup(store, "a", out)));
    line("kv-store.[method]entry.metadata", found.metadata);
    println!("generation {}", found.generation > 0);
    line("kv-store.[method]entry.generation", "done");
    line("kv-store.[method]entry.take-body", "a handle");
    println!("{}", content(found.body));
    let pending = handle("kv-store.[method]store.lookup-async", |out| lookup(store, "b", out));
    wait_lookup("kv-store.await-lookup", pending);
    wait_list("kv-store.[method]store.list", made(|out| list(store, out)));
    let pending = handle("kv-store.[method]store.list-async", |out| list(store, out));
    wait_list("kv-store.await-list", pending);
    wait_delete("kv-store.[method]store.delete", made(|out| delete(store, "a", out)));
    let pending = handle("kv-store.[method]store.delete-async", |out| delete(store, "b", out));
    wait_delete("kv-store.await-delete", pending);
    wait_lookup("kv-store.[method]store.lookup", made(|out| lookup(store, "a", out)));
    let pending = made(|out| insert(store, "c", b"", Some(1), out));
    wait_insert("kv-store.[method]store.insert", pending);
}

pub fn rates() {
    let (counter, entry, pen) = ("counter", "entry", "box");
    println!("{counter} {pen}");
    number::<u32>("erl.[method]rate-counter.check-rate", |out| {
        call!(erl::check_rate; str counter, str entry, 3, 10, 100, str pen, 60, out)
    });
    let status = call!(erl::ratecounter_increment; str counter, str entry, 4);
    done("erl.[method]rate-counter.increment", status);
    number::<u32>("erl.[method]rate-counter.lookup-count", |out| {
        call!(erl::ratecounter_lookup_count; str counter, str entry, 10, out)
    });
    number::<u32>("erl.[method]rate-counter.lookup-rate", |out| {
        call!(erl::ratecounter_lookup_rate; str counter, str "other", 10, out)
    });
    done("erl.[method]penalty-box.add", call!(erl::penaltybox_add; str pen, str entry, 60));
    number::<u32>("erl.[method]penalty-box.has", |out| {
        call!(erl::penaltybox_has; str pen, str entry, out)
    });
}

pub fn runtime() {
    let (mut ms, mut mib) = (0, 0);
    done("compute-runtime.get-vcpu-ms", call!(runtime::get_vcpu_ms; &mut ms));
    done("compute-runtime.get-heap-mib", call!(runtime::get_heap_mib; &mut mib));
    println!("{} {}", ms < 10_000, mib > 0);
    let variable = |name| std::env::var(name).unwrap_or_default();
    println!("{}", variable("FASTLY_TRACE_ID").len());
    for (name, from) in [
        ("get-hostname", "FASTLY_HOSTNAME"),
        ("get-pop", "FASTLY_POP"),
        ("get-region", "FASTLY_REGION"),
        ("get-cache-generation", "FASTLY_CACHE_GENERATION"),
        ("get-customer-id", "FASTLY_CUSTOMER_ID"),
        ("get-is-staging", "FASTLY_IS_STAGING"),
        ("get-service-id", "FASTLY_SERVICE_ID"),
        ("get-service-version", "FASTLY_SERVICE_VERSION"),
    ] {
        line(&format!("compute-runtime.{name}"), variable(from));
    }
    let products = "compute-runtime.[method]products.";
    number::<u32>(&format!("{products}has-domain-inspector"), |out| {
        call!(runtime::has_domain_inspector; out)
    });
    number::<u32>(&format!("{products}has-image-optimizer"), |out| {
        call!(runtime::has_image_optimizer; out)
    });
    number::<u32>(&format!("{products}has-origin-inspector"), |out| {
        call!(runtime::has_origin_inspector; out)
    });
}

pub fn waiting() {
    let ready = filled(b"there");
    number::<u32>("async-io.[method]pollable.is-ready", |out| call!(async_io::is_ready; ready, out));
    let store = made(|out| call!(kv_store::open_v2; str "users", out));
    let other = made(|out| lookup(store, "none", out));
    let both = [ready, other];
    number::<u32>("async-io.select", |out| {
        call!(async_io::select; both.as_ptr(), both.len(), 0, out)
    });
    number::<u32>("async-io.select-with-timeout", |out| {
        call!(async_io::select; &other, 1, 5000, out)
    });
}
