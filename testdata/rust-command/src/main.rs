//! Test guest: a command, as `cargo build --target wasm32-wasip2` makes one of a `main`, that uses the platform, too.

wit_bindgen::generate!({
    path: "wit",
    inline: "
        package tests:command;
        world command {
            import fastly:compute/config-store@0.1.0;
        }
    ",
    generate_all,
});

use fastly::compute::config_store::Store;
use std::io::Read;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    println!("arguments {args:?}");
    println!("variable {:?}", std::env::var("OWN"));
    let mut input = String::new();
    println!("input {:?}", std::io::stdin().read_to_string(&mut input));
    println!("file {}", std::fs::read("anything").is_err());
    let store = Store::open("settings").map(|store| store.get("greeting", 1000));
    println!("greeting {store:?}");
    eprintln!("an error line");
    match args.first().map(String::as_str) {
        Some("fail") => std::process::exit(1),
        Some("panic") => panic!("on purpose"),
        _ => {}
    }
}
