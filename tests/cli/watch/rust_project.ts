/** A Rust program without crates: it builds in a second, also after `cargo clean`. The first build writes Cargo.lock. */
export const RUST = {
  "Cargo.toml": '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n',
  "fastly.toml": 'language = "rust"\n',
  "src/main.rs": `
#[link(wasm_import_module = "fastly_http_resp")]
extern "C" {
    #[link_name = "new"]
    fn new_response(response: &mut u32) -> u32;
    fn send_downstream(response: u32, body: u32, streaming: u32) -> u32;
}

#[link(wasm_import_module = "fastly_http_body")]
extern "C" {
    #[link_name = "new"]
    fn new_body(body: &mut u32) -> u32;
    fn write(body: u32, bytes: *const u8, length: usize, end: u32, written: &mut usize) -> u32;
}

fn main() {
    let text = "Hello, Ada!";
    let (mut response, mut body, mut written) = (0, 0, 0);
    unsafe {
        new_response(&mut response);
        new_body(&mut body);
        write(body, text.as_ptr(), text.len(), 0, &mut written);
        send_downstream(response, body, 0);
    }
}
`,
};
