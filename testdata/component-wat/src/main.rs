//! Assembles text of WebAssembly, of components too: `component-wat FILE OUTPUT`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [file, output] = paths.as_slice() else {
        eprintln!("component-wat FILE OUTPUT");
        return ExitCode::FAILURE;
    };
    let assembled = wat::parse_file(file).map_err(|error| error.to_string());
    match assembled.and_then(|bytes| std::fs::write(output, bytes).map_err(|e| e.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
