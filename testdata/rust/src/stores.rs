//! The routes that ask stores and lookups.

use crate::{query, text};
use fastly::acl::Acl;
use fastly::device_detection;
use fastly::http::{header, StatusCode};
use fastly::kv_store::{InsertMode, KVStore, KVStoreError};
use fastly::secret_store::SecretStore;
use fastly::shielding::Shield;
use fastly::{Request, Response};
use std::fmt::Debug;
use std::time::Duration;

const STORE: &str = "settings";
const ACL: &str = "blocked";

/// The routes of this file; nothing for others.
pub fn answer(path: &str, mut req: Request) -> Option<Response> {
    let kv: fn(&KVStore, &mut Request) -> Response = match path {
        "/secret" => return Some(secret(&req)),
        "/acl" => return Some(acl(&req)),
        "/device" => return Some(device(&req)),
        "/shield" => return Some(shield(&req)),
        "/kv/get" => get,
        "/kv/put" => put,
        "/kv/delete" => delete,
        "/kv/list" => list,
        "/kv/page" => page,
        _ => return None,
    };
    Some(match KVStore::open(STORE) {
        Ok(Some(store)) => kv(&store, &mut req),
        Ok(None) => failure("no store"),
        Err(error) => failure(error),
    })
}

/// `?store=` takes another store than `settings`.
fn secret(req: &Request) -> Response {
    let store = query(req, "store").unwrap_or_else(|| STORE.to_owned());
    let store = match SecretStore::open(&store) {
        Ok(store) => store,
        Err(error) => return failure(error),
    };
    match store.try_get(&key(req)) {
        Ok(Some(secret)) => Response::from_body(secret.plaintext().to_vec()),
        Ok(None) => absent(),
        Err(error) => failure(error),
    }
}

fn get(store: &KVStore, req: &mut Request) -> Response {
    match store.lookup(&key(req)) {
        Ok(mut found) => {
            let mut resp = text("").with_body(found.take_body());
            resp.set_header("x-generation", found.current_generation().to_string());
            if let Some(metadata) = found.metadata() {
                resp.set_header("x-metadata", metadata.to_vec());
            }
            resp
        }
        Err(error) => kv_failure(error),
    }
}

/// The body of the request, or with `?path=` that of the backend's response, under a mode.
/// `?metadata=`, `?ttl=` and `?generation=` are options.
fn put(store: &KVStore, req: &mut Request) -> Response {
    let mut insert = store.build_insert();
    insert = insert.mode(match query(req, "mode").as_deref() {
        Some("add") => InsertMode::Add,
        Some("append") => InsertMode::Append,
        Some("prepend") => InsertMode::Prepend,
        _ => InsertMode::Overwrite,
    });
    if let Some(metadata) = query(req, "metadata") {
        insert = insert.metadata(&metadata);
    }
    if let Some(ttl) = query(req, "ttl").and_then(|ttl| ttl.parse().ok()) {
        insert = insert.time_to_live(Duration::from_secs(ttl));
    }
    if let Some(generation) = query(req, "generation").and_then(|number| number.parse().ok()) {
        insert = insert.if_generation_match(generation);
    }
    let body = match query(req, "path") {
        Some(path) => match Request::get(format!("http://origin{path}")).send("origin") {
            Ok(resp) => resp.into_body(),
            Err(error) => return failure(error),
        },
        None => req.take_body(),
    };
    match insert.execute(&key(req), body) {
        Ok(()) => text("stored\n"),
        Err(error) => kv_failure(error),
    }
}

fn delete(store: &KVStore, req: &mut Request) -> Response {
    match store.delete(&key(req)) {
        Ok(()) => text("deleted\n"),
        Err(error) => kv_failure(error),
    }
}

/// All keys, a line for each page.
fn list(store: &KVStore, req: &mut Request) -> Response {
    let mut list = store.build_list();
    if let Some(prefix) = query(req, "prefix") {
        list = list.prefix(&prefix);
    }
    if let Some(limit) = query(req, "limit").and_then(|limit| limit.parse().ok()) {
        list = list.limit(limit);
    }
    let mut lines = String::new();
    for page in list.iter() {
        match page {
            Ok(page) => lines.push_str(&format!("{}\n", page.keys().join(" "))),
            Err(error) => return kv_failure(error),
        }
    }
    text(&lines)
}

/// The page of keys at `?cursor=`, and where the next one is.
fn page(store: &KVStore, req: &mut Request) -> Response {
    let mut list = store.build_list().limit(2);
    if query(req, "eventual").is_some() {
        list = list.eventual_consistency();
    }
    if let Some(cursor) = query(req, "cursor") {
        list = list.cursor(&cursor);
    }
    match list.execute() {
        Ok(page) => text(&page.keys().join(" "))
            .with_header("x-cursor", page.next_cursor().unwrap_or_default()),
        Err(error) => kv_failure(error),
    }
}

fn acl(req: &Request) -> Response {
    let Some(Ok(ip)) = query(req, "ip").map(|ip| ip.parse()) else {
        return text("no address\n").with_status(StatusCode::BAD_REQUEST);
    };
    match Acl::open(ACL).map(|acl| acl.try_lookup(ip)) {
        Ok(Ok(Some(found))) => {
            let action = if found.is_block() { "BLOCK" } else { "ALLOW" };
            text(&format!("{action} {}\n", found.prefix()))
        }
        Ok(Ok(None)) => absent(),
        Ok(Err(error)) => failure(error),
        Err(error) => failure(error),
    }
}

fn device(req: &Request) -> Response {
    let agent = req.get_header_str(header::USER_AGENT).unwrap_or("");
    match device_detection::lookup(agent) {
        Some(device) => text(&format!(
            "{} {} mobile={} desktop={}\n",
            device.brand().unwrap_or("unknown"),
            device.model().unwrap_or("unknown"),
            device.is_mobile().unwrap_or(false),
            device.is_desktop().unwrap_or(false),
        )),
        None => absent(),
    }
}

/// `here` on the shield itself, else what it answers to `/shielded`.
fn shield(req: &Request) -> Response {
    let shield = match Shield::new(query(req, "name").unwrap_or_default()) {
        Ok(shield) => shield,
        Err(error) => return failure(error),
    };
    if shield.running_on() {
        return text("here\n");
    }
    let backend = match shield
        .with_first_byte_timeout(Duration::from_secs(5))
        .unencrypted_backend()
    {
        Ok(backend) => backend,
        Err(error) => return failure(error),
    };
    match Request::get("http://shield/shielded").send(backend) {
        Ok(resp) => resp,
        Err(error) => failure(error),
    }
}

fn key(req: &Request) -> String {
    query(req, "key").unwrap_or_default()
}

fn absent() -> Response {
    text("absent\n").with_status(StatusCode::NOT_FOUND)
}

fn kv_failure(error: KVStoreError) -> Response {
    match error {
        KVStoreError::ItemNotFound => absent(),
        KVStoreError::ItemPreconditionFailed => {
            text("precondition failed\n").with_status(StatusCode::PRECONDITION_FAILED)
        }
        KVStoreError::ItemBadRequest => text("bad request\n").with_status(StatusCode::BAD_REQUEST),
        error => failure(error),
    }
}

fn failure(error: impl Debug) -> Response {
    text(&format!("failed: {error:?}\n")).with_status(StatusCode::INTERNAL_SERVER_ERROR)
}
