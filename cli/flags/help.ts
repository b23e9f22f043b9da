/** What `--help` prints. */
export const HELP = `Runs a Fastly Compute program on this machine.

Usage: fastlike [serve] [flags] [guest.wasm]
       fastlike run [flags] guest.wasm [-- arguments of the guest]
       fastlike help | version

"serve" answers HTTP requests. "run" runs the program once, with its output and its exit
status as the command's own: what cargo test and go test -exec need. A program may be .wat.

Flags:
  --wasm FILE             The program to run; the same as naming it without a flag
  --bind ADDR             Where to listen: host:port, :port (every address), [::1]:port or a port;
                          port 0 takes a free one (default localhost:5000)
  --proxy-to ADDR         Where requests to backends go that nothing else defines; a host gets http://
  --backend [NAME=]URL    A backend; without a name the same as --proxy-to. May be repeated
  -C, --config FILE       A fastly.toml, whose [local_server] is read (default fastly.toml of the working directory)
  --env NAME              Read fastly.NAME.toml instead
  --config-store NAME=FILE, --secret-store NAME=FILE
                          A store, from a JSON file of texts by key. May be repeated, as --kv, --acl and --log-endpoint
  --kv NAME[=FILE]        A KV store, from a JSON file; without one it is empty
  --persist DIR           Keep KV stores, the cache and rate counters from one start to the next, in a file in this folder
  --acl NAME=FILE         An ACL, from a JSON file
  --log-endpoint NAME=FILE
                          Append the records of a log endpoint to a file
  --log-format json       Write records of log endpoints and the lines of the access log as JSON
  --geo FILE              Where addresses are: JSON by address or range, or a MaxMind .mmdb
  --device FILE           Devices: JSON by User-Agent
  --guest-env NAME[=VALUE]
                          A variable of the guest's environment; without a value as it is in yours
  --limit NAME=VALUE      What a request, a guest or a backend may use, as memory=256MiB, wall_time=30s or queue=none:
                          memory, cpu_time, wall_time, stall_time, connections, instances, queue, header_bytes,
                          header_count, url_bytes, body_bytes, backend_requests, log_bytes, cache_bytes, kv_bytes,
                          driver_time, sandbox_requests, sandbox_idle. May be repeated
  --allow-unlimited       Run a program for which cpu_time or memory cannot hold, as one with types of garbage
                          collection; without it, such a program is refused
  --no-cache              Send every request to its backend; without it, responses are cached as at Fastly
  --cache                 Cache responses of backends under run and under the name viceroy, too
  --loop-guard            Refuse requests that have come through this host before
  --trust-proxy CIDR      A proxy in front of this host, by address or range, or "loopback" or "private":
                          what it says in X-Forwarded-For and -Proto is the client's address and scheme. May be repeated
  --bot-headers           Believe the fields x-fastly-bot-* of requests, for tests (default under the name viceroy)
  --errors details|brief  What clients are told of a request that the program fails: why, with the names of its functions,
                          or the request's id in the log (default details for clients on this machine, unless
                          --trust-proxy is given, and brief for others)
  --admin ADDR            Serve /healthz and /metrics (for Prometheus) there
  --warmup N              Make that many instances before the first request
  --no-image-optimizer    Tell guests that images cannot be transformed
  --reuse HOW             How an instance of the program is put back to its first state after a request, if the
                          program allows that: the 4 KiB pages that were written to (dirty-pages), its whole memory
                          (snapshot), or what is cheaper (auto, the default); never makes a new instance for each
                          request, which is slower
  -v                      Tell more; -vv tells every hostcall
  --log-stdout, --log-stderr
                          Treat the guest's standard output or error as a log endpoint
  --unknown-import-behavior link-error
                          Refuse a program that imports what this host does not know (default trap)
  --local-pushpin-proxy-port PORT
                          Where a Pushpin listens on this machine, for Fanout
  --enable-local-websocket-passthrough=false
                          Tell guests that there are no WebSockets
  --version               Print the version
  --help                  Print this

The other flags of Viceroy are taken too: --addr is --bind.
Flags win over fastly.toml, name by name. They may have one dash or two, and take
their value with a space or with "=".

Examples:
  fastlike guest.wasm
  fastlike -wasm guest.wasm -proxy-to localhost:8000 -bind localhost:5000
  fastlike --backend origin=https://example.com --backend api=localhost:9000/v1 guest.wasm
  fastlike serve -C fastly.toml -vv bin/main.wasm
  fastlike run -C fastly.toml tests.wasm -- --nocapture
`;
