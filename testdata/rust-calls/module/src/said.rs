//! How hostcalls are made, and how their answers are printed: as the component beside prints them.

use fastly_shared::FastlyStatus;
use std::fmt::Display;

/// Calls a hostcall; `str` before an argument passes its address and its length.
#[macro_export]
macro_rules! call {
    (@ $f:path, [$($done:expr),*], str $e:expr, $($rest:tt)*) => {
        call!(@ $f, [$($done,)* $e.as_ptr() as *const u8, $e.len().try_into().unwrap()], $($rest)*)
    };
    (@ $f:path, [$($done:expr),*], $e:expr, $($rest:tt)*) => {
        call!(@ $f, [$($done,)* $e], $($rest)*)
    };
    (@ $f:path, [$($done:expr),*],) => { unsafe { $f($($done),*) } };
    ($f:path; $($args:tt)*) => { call!(@ $f, [], $($args)*,) };
}

/// What a status is called in the component's spelling.
fn named(status: FastlyStatus) -> String {
    let name = match status {
        FastlyStatus::OK => "done",
        FastlyStatus::ERROR => "generic-error",
        FastlyStatus::INVAL => "invalid-argument",
        FastlyStatus::BADF => "auxiliary-error",
        FastlyStatus::BUFLEN => "buffer-len",
        FastlyStatus::UNSUPPORTED => "unsupported",
        FastlyStatus::HTTPINVALID => "http-invalid",
        FastlyStatus::HTTPUSER => "http-user",
        FastlyStatus::HTTPINCOMPLETE => "http-incomplete",
        FastlyStatus::NONE => "none",
        FastlyStatus::HTTPHEADTOOLARGE => "http-head-too-large",
        FastlyStatus::HTTPINVALIDSTATUS => "http-invalid-status",
        FastlyStatus::LIMITEXCEEDED => "limit-exceeded",
        FastlyStatus::AGAIN => "again",
        _ => "another status",
    };
    name.to_owned()
}

pub fn line(name: &str, said: impl Display) {
    println!("{name}: {said}");
}

/// A call that answers nothing but its status.
pub fn done(name: &str, status: FastlyStatus) {
    line(name, named(status));
}

fn answer<T>(status: FastlyStatus, said: impl FnOnce() -> T) -> String
where
    T: Display,
{
    if status.is_ok() {
        said().to_string()
    } else {
        named(status)
    }
}

/// A call that gives a number; flags are 0 and 1.
pub fn number<T: Default + Display>(name: &str, call: impl FnOnce(*mut T) -> FastlyStatus) {
    let mut out = T::default();
    let status = call(&mut out);
    line(name, answer(status, || out));
}

/// A call that gives a handle, which is passed on.
pub fn handle(name: &str, call: impl FnOnce(*mut u32) -> FastlyStatus) -> u32 {
    let mut out = u32::MAX;
    let status = call(&mut out);
    line(name, answer(status, || "a handle"));
    out
}

/// A handle of a call that is not printed.
pub fn made(call: impl FnOnce(*mut u32) -> FastlyStatus) -> u32 {
    let mut out = u32::MAX;
    assert!(call(&mut out).is_ok());
    out
}

fn lines(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "|")
}

fn bytes(call: impl FnOnce(*mut u8, usize, *mut usize) -> FastlyStatus) -> (FastlyStatus, Vec<u8>) {
    let mut room = vec![0; 65536];
    let mut length = 0;
    let status = call(room.as_mut_ptr(), room.len(), &mut length);
    room.truncate(length);
    (status, room)
}

/// A text of a call that is not printed.
pub fn text(call: impl FnOnce(*mut u8, usize, *mut usize) -> FastlyStatus) -> String {
    let (status, bytes) = bytes(call);
    answer(status, || lines(&bytes))
}

/// A call that gives bytes.
pub fn told(name: &str, call: impl FnOnce(*mut u8, usize, *mut usize) -> FastlyStatus) {
    line(name, text(call));
}

/// A call that gives a page of texts, and where the next one begins.
pub fn page(
    name: &str,
    call: impl FnOnce(*mut u8, usize, *mut i64, *mut usize) -> FastlyStatus,
) {
    let mut next = 0;
    let (status, bytes) = bytes(|at, room, length| call(at, room, &mut next, length));
    let more = if next < 0 { "none".to_owned() } else { next.to_string() };
    line(name, answer(status, || format!("{} {more}", lines(&bytes))));
}

/// A call that gives the octets of an address.
pub fn address(name: &str, call: impl FnOnce(*mut u8, *mut usize) -> FastlyStatus) {
    let (status, octets) = bytes(|at, _, length| call(at, length));
    let said = octets.iter().map(u8::to_string).collect::<Vec<_>>().join(".");
    line(name, answer(status, || if said.is_empty() { "none".to_owned() } else { said }));
}
