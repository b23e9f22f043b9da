/** What `--help` prints. */
export const HELP = `Runs a Fastly Compute program on this machine.

Usage: fastlike [serve] [flags] [guest.wasm]

Flags:
  --wasm FILE             The program to run; the same as naming it without a flag
  --bind ADDR             Where to listen: host:port, :port (every address), [::1]:port or a port;
                          port 0 takes a free one (default localhost:5000)
  --proxy-to ADDR         Where requests to backends go that nothing else defines; a host gets http://
  --backend [NAME=]URL    A backend; without a name the same as --proxy-to. May be repeated
  -C, --config FILE       A fastly.toml; its [local_server.backends] are read
  --loop-guard            Refuse requests that have come through this host before
  -v                      Tell more; -vv tells every hostcall
  --version               Print the version
  --help                  Print this

Flags may have one dash or two, and take their value with a space or with "=".

Examples:
  fastlike guest.wasm
  fastlike -wasm guest.wasm -proxy-to localhost:8000 -bind localhost:5000
  fastlike --backend origin=https://example.com --backend api=localhost:9000/v1 guest.wasm
  fastlike serve -C fastly.toml -vv bin/main.wasm
`;
