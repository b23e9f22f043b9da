//! Calls as no binding makes them: with handles of any number, and addresses beyond the memory.

use crate::fastly::compute::http_req::Request;

#[link(wasm_import_module = "fastly:compute/async-io@0.1.0")]
extern "C" {
    #[link_name = "[resource-drop]pollable"]
    fn drop_pollable(handle: i32);
}

#[link(wasm_import_module = "fastly:compute/http-resp@0.1.0")]
extern "C" {
    #[link_name = "[resource-drop]response"]
    fn drop_response(handle: i32);
    #[link_name = "[method]response.set-status"]
    fn set_status(handle: i32, status: i32, result: *mut u8);
}

#[link(wasm_import_module = "fastly:compute/http-body@0.1.0")]
extern "C" {
    #[link_name = "write"]
    fn write(body: i32, at: i32, length: i32, result: i32);
    #[link_name = "new"]
    fn new_body(result: *mut u8);
}

#[link(wasm_import_module = "wasi:random/random@0.2.6")]
extern "C" {
    #[link_name = "get-random-u64"]
    fn random_u64() -> i64;
}

/// Fills bytes with what the host gives as random.
pub fn random(bytes: &mut [u8]) {
    for part in bytes.chunks_mut(8) {
        let number = unsafe { random_u64() }.to_le_bytes();
        part.copy_from_slice(&number[..part.len()]);
    }
}

/// Does what it is told with a handle of that number: most of it ends the program.
pub fn attempt(what: &str, number: i32, req: &Request) -> String {
    let mut result = [0u64; 4];
    let at = result.as_mut_ptr().cast::<u8>();
    unsafe {
        match what {
            "drop-pollable" => drop_pollable(number),
            "drop-response" => drop_response(number),
            "set-status" => set_status(number, 200, at),
            "drop-twice" => {
                new_body(at);
                let body = at.add(8).cast::<i32>().read(); // behind the case of the result
                drop_pollable(body);
                drop_pollable(body);
            }
            "wrong-type" => {
                drop_response(req.handle() as i32);
            }
            "far" => write(number, 0x7fff_ff00, 0x7fff_ffff, at as i32),
            "odd-result" => {
                new_body(at);
                let body = at.add(8).cast::<i32>().read(); // behind the case of the result
                write(body, 0, 1, at as i32 | 1);
            }
            "far-result" => {
                new_body(at);
                let body = at.add(8).cast::<i32>().read(); // behind the case of the result
                write(body, 0, 1, -16);
            }
            _ => return "unknown\n".to_owned(),
        }
    }
    "still here\n".to_owned()
}
