//! The routes that cache objects by themselves.

use crate::{query, text};
use fastly::cache::core::{self, CacheKey, Found, ReplaceStrategy, Transaction};
use fastly::cache::simple;
use fastly::http::{header, purge, HeaderName, StatusCode};
use fastly::{Body, Error, Request, Response};
use std::io::Write;
use std::time::Duration;

const VARY: HeaderName = HeaderName::from_static("x-variant");
const TTL: Duration = Duration::from_secs(60);

/// The routes of this file; nothing where the response has been sent.
pub fn answer(path: &str, mut req: Request) -> Option<Response> {
    let answered = match path {
        "/cache/insert" => insert(&mut req),
        "/cache/lookup" => lookup(&req),
        "/cache/fetch" => match fetch(&req) {
            Ok(None) => return None,
            Ok(Some(resp)) => Ok(resp),
            Err(error) => Err(error),
        },
        "/cache/simple" => get_or_set(&mut req),
        "/cache/simple-purge" => simple::purge(key(&req))
            .map(|()| text("purged\n"))
            .map_err(Error::from),
        "/cache/count" => count(&req),
        "/cache/own-wait" => wait_for_oneself(&req),
        _ => Ok(purge_keys(&req)),
    };
    Some(answered.unwrap_or_else(|error| {
        text(&format!("failed: {error}\n")).with_status(StatusCode::INTERNAL_SERVER_ERROR)
    }))
}

/// `?vary` makes the object one of several, `?sensitive` keeps it off disks; `?swr=` and `?age=` are in seconds.
fn insert(req: &mut Request) -> Result<Response, Error> {
    let mut writer = core::insert(key(req), TTL)
        .header(VARY, req.get_header_str(VARY).unwrap_or(""))
        .user_metadata(query(req, "metadata").unwrap_or_default().into());
    if query(req, "vary").is_some() {
        writer = writer.vary_by([&VARY]);
    }
    if let Some(seconds) = number(req, "swr") {
        writer = writer.stale_while_revalidate(Duration::from_secs(seconds));
    }
    if let Some(seconds) = number(req, "age") {
        writer = writer.initial_age(Duration::from_secs(seconds));
    }
    if let Some(length) = number(req, "length") {
        writer = writer.known_length(length);
    }
    if query(req, "sensitive").is_some() {
        writer = writer.sensitive_data(true);
    }
    let keys = query(req, "keys").unwrap_or_default();
    let mut writer = writer.surrogate_keys(keys.split(' ')).execute()?;
    writer.append(req.take_body());
    writer.finish()?;
    Ok(text("stored\n"))
}

fn lookup(req: &Request) -> Result<Response, Error> {
    let found = core::lookup(key(req))
        .always_use_requested_range()
        .header(VARY, req.get_header_str(VARY).unwrap_or(""))
        .execute()?;
    match found {
        Some(found) => {
            let body = found.to_stream_from_range(number(req, "from"), number(req, "to"))?;
            Ok(describe(&found).with_body(body))
        }
        None => Ok(text("absent\n").with_status(StatusCode::NOT_FOUND)),
    }
}

/// Of those who ask at the same time one asks the origin, and all answer while its body arrives.
fn fetch(req: &Request) -> Result<Option<Response>, Error> {
    let transaction = Transaction::lookup(key(req)).execute()?;
    if let Some(found) = transaction.found() {
        let response = describe(&found).with_body(found.to_stream()?);
        if !transaction.must_insert_or_update() {
            return Ok(Some(response));
        }
        response.send_to_client();
        transaction
            .update(TTL)
            .user_metadata("revalidated".into())
            .execute()?;
        return Ok(None);
    }
    let Ok(mut origin) = Request::get("http://origin.example/").send("origin") else {
        transaction.cancel_insert_or_update()?;
        return Ok(Some(
            text("no origin\n").with_status(StatusCode::BAD_GATEWAY),
        ));
    };
    let (mut writer, found) = transaction.insert(TTL).execute_and_stream_back()?;
    describe(&found)
        .with_header("x-cache", "miss")
        .with_body(found.to_stream()?)
        .send_to_client();
    for chunk in origin.take_body().read_chunks(1024) {
        let chunk = chunk.expect("the origin goes on");
        writer.write_all(&chunk).expect("the cache takes it");
        writer.flush().expect("the cache takes it");
    }
    writer.finish().expect("the object can be ended");
    Ok(None)
}

fn get_or_set(req: &mut Request) -> Result<Response, Error> {
    let value = req.take_body_str();
    let body = simple::get_or_set(key(req), value, TTL)?;
    Ok(text("").with_body(body))
}

/// Waits for the object that it has to insert itself, tells of the error, and inserts it.
fn wait_for_oneself(req: &Request) -> Result<Response, Error> {
    let transaction = Transaction::lookup(key(req)).execute()?;
    let second = Transaction::lookup(key(req)).execute();
    let told = match second {
        Ok(_) => "found\n".to_owned(),
        Err(error) => format!("refused: {error}\n"),
    };
    transaction.insert(TTL).execute()?.finish()?;
    Ok(text(&told))
}

/// Adds one to a number, whoever else does so at the same time.
fn count(req: &Request) -> Result<Response, Error> {
    let replacement = core::replace(key(req))
        .replace_strategy(ReplaceStrategy::Wait)
        .begin()?;
    let last = match replacement.existing_object() {
        Some(found) => found.to_stream()?.into_string().parse().unwrap_or(0),
        None => 0,
    };
    let next = format!("{}", last + 1);
    let mut writer = replacement.execute(TTL)?;
    writer.append(Body::from(next.as_str()));
    writer.finish()?;
    Ok(text(&next))
}

fn purge_keys(req: &Request) -> Response {
    let key = query(req, "key").unwrap_or_default();
    let purged = match query(req, "soft") {
        Some(_) => purge::soft_purge_surrogate_key(&key),
        None => purge::purge_surrogate_key(&key),
    };
    match purged {
        Ok(()) => text("purged\n"),
        Err(error) => text(&format!("failed: {error}\n")).with_status(StatusCode::BAD_REQUEST),
    }
}

fn describe(found: &Found) -> Response {
    let state = if found.is_stale() { "stale" } else { "hit" };
    let mut resp = text("")
        .with_header("x-cache", state)
        .with_header("x-hits", found.hits().to_string())
        .with_header(header::AGE, found.age().as_secs().to_string());
    if let Some(length) = found.known_length() {
        resp.set_header("x-length", length.to_string());
    }
    resp.set_header("x-metadata", found.user_metadata().to_vec());
    resp
}

fn key(req: &Request) -> CacheKey {
    query(req, "key").unwrap_or_default().into_bytes().into()
}

fn number(req: &Request, name: &str) -> Option<u64> {
    query(req, name)?.parse().ok()
}
