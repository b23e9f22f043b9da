//! Requests that compute for some milliseconds each, in ways that differ in how often they store.
use fastly::{Error, Request, Response};
use sha2::{Digest, Sha512};

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    let text = match request.get_path() {
        "/hello" => "Hello".into(),
        "/sha512" => sha512(),
        "/sort" => sort(),
        "/matrix" => matrix(),
        "/json" => json(),
        "/sieve" => sieve(),
        path => return Ok(Response::from_status(404).with_body_text_plain(path)),
    };
    Ok(Response::from_body(text))
}

/// Numbers that look random, the same each time.
fn numbers(count: usize) -> Vec<u32> {
    let mut state = 1u32;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        })
        .collect()
}

fn sha512() -> String {
    let mut hash = Sha512::new();
    for block in 0..512u32 {
        hash.update([block as u8; 4096]);
    }
    format!("{:x}", hash.finalize())
}

fn sort() -> String {
    let mut values = numbers(200_000);
    values.sort();
    values[1000].to_string()
}

fn matrix() -> String {
    const N: usize = 160;
    let values = numbers(2 * N * N);
    let (a, b) = values.split_at(N * N);
    let mut product = vec![0f64; N * N];
    for i in 0..N {
        for k in 0..N {
            for j in 0..N {
                product[i * N + j] += f64::from(a[i * N + k]) * f64::from(b[k * N + j]);
            }
        }
    }
    product[N + 1].to_string()
}

fn json() -> String {
    let items: Vec<_> = numbers(8000)
        .into_iter()
        .map(|id| serde_json::json!({ "id": id, "name": format!("item {id}"), "tags": ["a", "b"] }))
        .collect();
    let text = serde_json::to_string(&items).unwrap();
    let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
    parsed.as_array().unwrap().len().to_string()
}

fn sieve() -> String {
    const MOST: usize = 1_000_000;
    let mut composite = vec![false; MOST];
    for number in 2..1000 {
        if !composite[number] {
            for multiple in (number * number..MOST).step_by(number) {
                composite[multiple] = true;
            }
        }
    }
    composite[2..].iter().filter(|&&found| !found).count().to_string()
}
