import { assertEquals, assertStringIncludes, assertThrows } from "../../assert.ts";
import { type Command, parse, type ServeCommand } from "../../../cli/flags/args.ts";
import { UsageError } from "../../../cli/errors.ts";
import { FLAGS } from "../../../cli/flags/table.ts";
import { helpText } from "../../../cli/flags/help.ts";
import { LIMIT_NAMES } from "../../../service/limits.ts";
import { NO_FLAGS } from "./flags.ts";

const DEFAULTS: ServeCommand = {
  kind: "serve",
  wasm: "guest.wasm",
  bind: { hostname: "localhost", port: 5000 },
  https: undefined,
  h2c: false,
  proxyProtocol: [],
  admin: undefined,
  warmup: 0,
  workers: 1,
  watch: false,
  build: undefined,
  watchDirs: [],
  watchPoll: false,
  liveReload: false,
  hangUpEnds: false,
  ...NO_FLAGS,
};

const UNDERSTOOD: [line: string, command: Command | Partial<ServeCommand>][] = [
  ["guest.wasm", {}],
  ["serve guest.wasm", {}],
  ["guest.wasm --loop-guard", { loopGuard: true }],
  ["--no-cache guest.wasm", { cache: false }],
  ["guest.wasm --allow-unlimited", { allowUnlimited: true }],
  ["-no-cache guest.wasm", { cache: false }],
  ["--cache guest.wasm", { cache: true }],
  ["guest.wasm --reuse never", { reuse: "never" }],
  ["guest.wasm --limit memory=64MiB -limit=queue=none --limit memory=128MiB", {
    limits: { memory: 128 * 2 ** 20, queue: Infinity },
  }],
  ["guest.wasm --trust-proxy 10.0.0.0/8 --trust-proxy=loopback", {
    trustProxy: ["10.0.0.0/8", "loopback"],
  }],
  ["guest.wasm --errors brief", { errors: "brief" }],
  ["guest.wasm --errors brief --errors=details", { errors: "details" }],
  ["guest.wasm --https", {
    https: { files: undefined, clientCa: undefined, clientAuth: "require", redirect: undefined },
  }],
  ["guest.wasm --cert both.pem --http-redirect :80", {
    https: {
      files: { cert: "both.pem", key: "both.pem" },
      clientCa: undefined,
      clientAuth: "require",
      redirect: { hostname: "", port: 80 },
    },
  }],
  ["guest.wasm --https --cert c.pem --key k.pem --client-ca a.pem --client-auth request", {
    https: {
      files: { cert: "c.pem", key: "k.pem" },
      clientCa: "a.pem",
      clientAuth: "request",
      redirect: undefined,
    },
  }],
  ["guest.wasm --h2c", { h2c: true }],
  ["guest.wasm --proxy-protocol loopback", { proxyProtocol: ["loopback"] }],
  ["trust", { kind: "trust", uninstall: false, system: false }],
  ["trust --uninstall --system", { kind: "trust", uninstall: true, system: true }],
  ["guest.wasm --admin :9090", { admin: { hostname: "", port: 9090 } }],
  ["guest.wasm --admin 127.0.0.1:5000 --bind 127.0.0.2:5000", {
    bind: { hostname: "127.0.0.2", port: 5000 },
    admin: { hostname: "127.0.0.1", port: 5000 },
  }],
  ["guest.wasm --admin localhost:0 --bind localhost:0", {
    bind: { hostname: "localhost", port: 0 },
    admin: { hostname: "localhost", port: 0 },
  }],
  ["guest.wasm --warmup 20", { warmup: 20 }],
  ["guest.wasm --park 2", { park: 2 }],
  ["guest.wasm --workers 4", { workers: 4 }],
  ["guest.wasm --workers auto", { workers: navigator.hardwareConcurrency }],
  ["guest.wasm --reuse snapshot", { reuse: "snapshot" }],
  ["guest.wasm --reuse dirty-pages", { reuse: "dirty-pages" }],
  ["guest.wasm --reuse image", { reuse: "snapshot" }],
  ["guest.wasm --reuse cards", { reuse: "dirty-pages" }],
  ["--loop-guard guest.wasm", { loopGuard: true }],
  ["serve -v guest.wasm -v", { verbosity: 2 }],
  ["-v serve guest.wasm", { verbosity: 1 }],
  ["-vv guest.wasm", { verbosity: 2 }],
  ["--verbose guest.wasm", { verbosity: 1 }],
  ["--wasm guest.wasm", {}],
  ["--wasm=guest.wasm", {}],
  ["-wasm guest.wasm", {}],
  ["-wasm=guest.wasm", {}],
  ["serve -wasm ./serve", { wasm: "./serve" }],
  ["-- -odd.wasm", { wasm: "-odd.wasm" }],
  ["-wasm guest.wasm -proxy-to localhost:8000 -bind localhost:6000", {
    catchAll: "http://localhost:8000",
    bind: { hostname: "localhost", port: 6000 },
  }],
  ["guest.wasm --proxy-to https://example.com/base", { catchAll: "https://example.com/base" }],
  ["guest.wasm --proxy-to example.com", { catchAll: "http://example.com" }],
  ["guest.wasm --proxy-to [::1]:8000", { catchAll: "http://[::1]:8000" }],
  ["guest.wasm --backend localhost:8000", { catchAll: "http://localhost:8000" }],
  ["guest.wasm --backend a=http://x --backend b=y:9/z?".slice(0, -1), {
    backends: { a: "http://x", b: "http://y:9/z" },
  }],
  ["guest.wasm --backend=my.origin=https://x/a=b", { backends: { "my.origin": "https://x/a=b" } }],
  ["guest.wasm --backend a=wss://x", { backends: { a: "https://x" } }],
  ["guest.wasm --backend __proto__=x", { backends: JSON.parse('{"__proto__":"http://x"}') }],
  ["guest.wasm --backend https://x/a=b", { catchAll: "https://x/a=b" }],
  ["guest.wasm --backend localhost", { catchAll: "http://localhost" }],
  ["guest.wasm --backend origin:80", { catchAll: "http://origin:80" }],
  ["guest.wasm --backend example.com", { catchAll: "http://example.com" }],
  ["guest.wasm --proxy-to origin", { catchAll: "http://origin" }],
  ["guest.wasm --kv users.v2", { kvStores: { "users.v2": undefined } }],
  ["guest.wasm --bind 127.0.0.1:0", { bind: { hostname: "127.0.0.1", port: 0 } }],
  ["guest.wasm --bind :80", { bind: { hostname: "", port: 80 } }],
  ["guest.wasm --bind [::1]:80", { bind: { hostname: "::1", port: 80 } }],
  ["guest.wasm --bind 8080", { bind: { hostname: "localhost", port: 8080 } }],
  ["guest.wasm -b 8080", { bind: { hostname: "localhost", port: 8080 } }],
  ["guest.wasm --bind 1 --bind 2", { bind: { hostname: "localhost", port: 2 } }],
  ["guest.wasm -C fastly.toml", { config: "fastly.toml" }],
  ["guest.wasm -Cfastly.toml", { config: "fastly.toml" }],
  ["guest.wasm -config fastly.toml", { config: "fastly.toml" }],
  ["guest.wasm --config=fastly.toml", { config: "fastly.toml" }],
  ["guest.wasm --env stage", { env: "stage" }],
  ["guest.wasm -env=stage --env prod", { env: "prod" }],
  ["guest.wasm --kv a=a.json --kv b", { kvStores: { a: "a.json", b: undefined } }],
  ["guest.wasm --persist a --persist=b", { persist: "b" }],
  ["--kv a guest.wasm", { kvStores: { a: undefined } }],
  ["guest.wasm --config-store a=x=y.json", { configStores: { a: "x=y.json" } }],
  ["guest.wasm -secret-store my.store=s.json", { secretStores: { "my.store": "s.json" } }],
  ["guest.wasm --acl a=1.json --acl b=1.json", { acls: { a: "1.json", b: "1.json" } }],
  ["guest.wasm --geo geo.mmdb --device=d.json", { geo: "geo.mmdb", device: "d.json" }],
  ["guest.wasm --log-endpoint a=logs/a.log", { logEndpoints: { a: "logs/a.log" } }],
  ["guest.wasm --log-format json", { logFormat: "json" }],
  ["guest.wasm --watch --build make --watch-dir src --watch-poll", {
    watch: true,
    build: "make",
    watchDirs: ["src"],
    watchPoll: true,
  }],
  ["--watch --watch-dir src", { wasm: undefined, watch: true, watchDirs: ["src"] }],
  ["--help", { kind: "help" }],
  ["-h", { kind: "help" }],
  ["serve -help", { kind: "help", command: "serve" }],
  ["help help", { kind: "help" }],
  ["help trust", { kind: "help" }],
  ["help -v run", { kind: "help", command: "run" }],
  ["--help=false guest.wasm", {}],
  ["completions zsh", { kind: "completions", shell: "zsh" }],
  ["--version", { kind: "version" }],
  ["-version", { kind: "version" }],
];

for (const [line, expected] of UNDERSTOOD) {
  Deno.test(`the command line "${line}" is understood`, () => {
    const whole = "kind" in expected ? expected as Command : { ...DEFAULTS, ...expected };
    assertEquals(parse(line.split(" ")), whole);
  });
}

const REFUSED: [line: string, message: string][] = [
  ["--wsam x", "Unknown flag --wsam: did you mean --wasm?"],
  ["-wsam x", "Unknown flag --wsam: did you mean --wasm?"],
  ["--wsam=x", "Unknown flag --wsam: did you mean --wasm?"],
  ["--bakend x guest.wasm", "Unknown flag --bakend: did you mean --backend?"],
  ["--something-else", "Unknown flag --something-else: see --help"],
  ["-x guest.wasm", "Unknown flag -x: see --help"],
  ["--constructor", "Unknown flag --constructor: see --help"],
  ["run --something-else guest.wasm", "Unknown flag --something-else: see --help"],
  ["--watch=no", "Cannot use --watch=no: it takes no value but true or false"],
  ["-https=0 guest.wasm", "Cannot use --https=0: it takes no value but true or false"],
  ["run guest.wasm -v=3", "Cannot use -v=3: it takes no value but true or false"],
  ["--version=3", "Cannot use --version=3: it takes no value but true or false"],
  [
    "guest.wasm --no-cache=yes",
    "Cannot use --no-cache=yes: it takes no value but true or false",
  ],
  ["serv guest.wasm", "Unknown command serv: did you mean serve?"],
  ["complete bash", "Cannot run more than one program: complete and bash"],
  ["completion bash", "Unknown command completion: did you mean completions?"],
  ["--proxy-to x rn guest.wasm", "Unknown command rn: did you mean run?"],
  ["./serv guest.wasm", "Cannot run more than one program: ./serv and guest.wasm"],
  ["help rn", "Unknown command rn: did you mean run?"],
  [
    "help me",
    "Unknown command me: there are serve, run, help, version, trust, completions",
  ],
  ["help --wsam", "Unknown flag --wsam: did you mean --wasm?"],
  ["version --wsam", "Unknown flag --wsam: did you mean --wasm?"],
  ["version 3", "Cannot use 3 with version: it takes no words"],
  ["help run serve", "Cannot use serve with help: it takes one command"],
  ["--wasm=", "Cannot use --wasm without a value, as in --wasm app.wasm"],
  [
    "guest.wasm --limit memory",
    "Cannot use --limit memory: it is not NAME=VALUE, as in memory=256MiB",
  ],
  [
    "guest.wasm --limit cpuTime=1s",
    "Cannot use --limit cpuTime=1s: cpuTime is not known: did you mean cpu_time?",
  ],
  [
    "guest.wasm --limit sandbox_idle=1x",
    "Cannot use --limit sandbox_idle=1x: sandbox_idle must be a time as 300ms, 10s or 2m, or none for no limit",
  ],
  ["guest.wasm --bind", "Cannot use --bind without a value, as in --bind localhost:5000"],
  ["guest.wasm --bind=", "Cannot use --bind without a value, as in --bind localhost:5000"],
  ["--wasm --bind 1", "Cannot use --wasm without a value, as in --wasm app.wasm"],
  ["guest.wasm -C", "Cannot use --config without a value, as in --config fastly.toml"],
  [
    "guest.wasm --proxy-to -v",
    "Cannot use --proxy-to without a value, as in --proxy-to localhost:8000",
  ],
  ["a.wasm b.wasm", "Cannot run more than one program: a.wasm and b.wasm"],
  ["a.wasm --wasm b.wasm", "Cannot run more than one program: b.wasm and a.wasm"],
  ["-wasm a -wasm b", "Cannot run more than one program: a and b"],
  ["g --bind localhost", 'Cannot listen on "localhost": it is not host:port, :port or a port'],
  ["g --bind a:b", 'Cannot listen on "a:b": it is not host:port, :port or a port'],
  ["g --bind http://a:1", 'Cannot listen on "http://a:1": it is not host:port, :port or a port'],
  ["g --bind a:65536", 'Cannot listen on "a:65536": ports go up to 65535'],
  ["g --bind 99999", 'Cannot listen on "99999": ports go up to 65535'],
  [
    "g --bind ::1:5000",
    'Cannot listen on "::1:5000": an IPv6 address needs brackets, as in [::1]:5000',
  ],
  [
    "g --proxy-to ftp://x",
    'Cannot use "ftp://x" for --proxy-to: only http, https, ws and wss are possible',
  ],
  ["g --proxy-to http://", 'Cannot use "http://" for --proxy-to: it is not a URL or a host'],
  ["g --proxy-to x:y", 'Cannot use "x:y" for --proxy-to: it is not a URL or a host'],
  ["g --backend a=", 'Cannot use "" for --backend a: it is not a URL or a host'],
  ["g --backend =x", "Cannot use --backend =x: the name is empty"],
  ["g --backend a=x?q", 'Cannot use "x?q" for --backend a: a backend has no query or fragment'],
  ["g --backend a=x --backend a=y", "Cannot define the backend a twice"],
  ["g --env ../x", 'Cannot use "../x" for --env: it is NAME in fastly.NAME.toml'],
  ["g --kv", "Cannot use --kv without a value, as in --kv NAME=FILE"],
  ["g --limit", "Cannot use --limit without a value, as in --limit memory=256MiB"],
  ["g --profile", "Cannot use --profile without a value"],
  [
    "g --backend origin",
    "Cannot use --backend origin: a URL is missing, as in --backend origin=https://example.com " +
    "(to send all other backends to a host of that name: --proxy-to origin)",
  ],
  [
    "g --backend origin https://example.com",
    "Cannot use --backend origin: a URL is missing, as in --backend origin=https://example.com " +
    "(to send all other backends to a host of that name: --proxy-to origin)",
  ],
  [
    "g --proxy-to origin=http://x",
    "Cannot use --proxy-to origin=http://x: it takes no name, but --backend origin=http://x does",
  ],
  [
    "g --kv stores/users.json",
    "Cannot use --kv stores/users.json: a name is missing, as in NAME=stores/users.json",
  ],
  ["g --acl acl.json", "Cannot use --acl acl.json: a name is missing, as in NAME=acl.json"],
  [
    "g --log-endpoint a.log",
    "Cannot use --log-endpoint a.log: a name is missing, as in NAME=a.log",
  ],
  ["g --limit memory", "Cannot use --limit memory: it is not NAME=VALUE, as in memory=256MiB"],
  ["g --kv =x", "Cannot use --kv =x: the name is empty"],
  ["g --kv a=", "Cannot use --kv a=: the file is missing"],
  ["g --kv a --kv a=x", "Cannot define --kv a twice"],
  ["g --acl a", "Cannot use --acl a: a file is missing, as in a=FILE"],
  ["g --config-store a=", "Cannot use --config-store a: a file is missing, as in a=FILE"],
  ["g --secret-store =x", "Cannot use --secret-store =x: the name is empty"],
  ["g --log-endpoint a=x --log-endpoint a=y", "Cannot define --log-endpoint a twice"],
  ["g --log-format xml", 'Cannot use "xml" for --log-format: text or json'],
  [
    "g --trust-proxy 10.0.0.0/33",
    'Cannot use "10.0.0.0/33" for --trust-proxy: it is not an address, a range as 10.0.0.0/8, loopback or private',
  ],
  ["g --errors all", 'Cannot use "all" for --errors: details or brief'],
  ["run g --errors brief", "Cannot use --errors with run: it serves nothing"],
  ["run g --trust-proxy loopback", "Cannot use --trust-proxy with run: it serves nothing"],
  ["g --watch-dir src", "Cannot use --watch-dir without --watch: sources are not followed"],
  [
    "--build make --watch-dir src",
    "Cannot use --watch-dir without --watch: sources are not followed",
  ],
  ["g --watch-poll", "Cannot use --watch-poll without --watch: nothing is followed"],
  [
    "g --watch --watch-dir src",
    "Cannot use --watch-dir without a build: add --build, or name no program in a project's folder",
  ],
  ["g --key k.pem", "Cannot use --key without HTTPS: add --https"],
  ["g --client-ca a.pem", "Cannot use --client-ca without HTTPS: add --https"],
  ["g --http-redirect :80", "Cannot use --http-redirect without HTTPS: add --https"],
  ["g --https=false --cert c.pem", "Cannot use --cert without HTTPS: add --https"],
  ["g --https --key k.pem", "Cannot use --key without --cert: name the certificate's file, too"],
  [
    "g --https --client-auth request",
    "Cannot use --client-auth without --client-ca: no certificate is asked for",
  ],
  [
    "g --https --client-ca a.pem --client-auth maybe",
    'Cannot use "maybe" for --client-auth: require or request',
  ],
  [
    "g --https --http-redirect here",
    'Cannot use "here" for --http-redirect: it is not host:port, :port or a port',
  ],
  ["trust --all", "Cannot use --all with trust: it takes --uninstall and --system"],
  ["g --admin here", 'Cannot use "here" for --admin: it is not host:port, :port or a port'],
  ["g --admin 5000", 'Cannot use "5000" for --admin: requests are served there (see --bind)'],
  ["g --admin :5000", 'Cannot use ":5000" for --admin: requests are served there (see --bind)'],
  [
    "g --admin [::1]:1 --bind localhost:1",
    'Cannot use "[::1]:1" for --admin: requests are served there (see --bind)',
  ],
  ["run g --admin 1", "Cannot use --admin with run: it serves nothing"],
  ["g --warmup many", 'Cannot use "many" for --warmup: it is not a whole number'],
  ["g --warmup=-1", 'Cannot use "-1" for --warmup: it is not a whole number'],
  ["g --park many", 'Cannot use "many" for --park: it is not a whole number'],
  ["g --workers 0", 'Cannot use "0" for --workers: it is neither auto nor a number of 1 to 256'],
  [
    "g --workers 1.5",
    'Cannot use "1.5" for --workers: it is neither auto nor a number of 1 to 256',
  ],
  ["run g --workers 2", "Cannot use --workers with run: it serves nothing"],
  ["run g --warmup 1", "Cannot use --warmup with run: it serves nothing"],
  ["run g --park 1", "Cannot use --park with run: it serves nothing"],
  ["g --cache --no-cache", "Cannot use --cache with --no-cache: leave one out"],
  [
    "completions",
    "Cannot make completions: name one shell, as in completions bash (there are bash, zsh, fish)",
  ],
  [
    "completions csh",
    "Cannot make completions: name one shell, as in completions bash (there are bash, zsh, fish)",
  ],
  ["g --config-stor a=x", "Unknown flag --config-stor: did you mean --config-store?"],
  [
    "g --backend x.test --proxy-to y",
    "Cannot send other backends to more than one place: http://y and http://x.test",
  ],
];

for (const line of ["", "serve", "--watch"]) {
  Deno.test(`the command line "${line}" serves the program that the project in the working directory builds`, () => {
    const command = parse(line.split(" ").filter(Boolean));
    assertEquals(command.kind === "serve" && command.wasm, undefined);
  });
}

Deno.test("a program without a name is refused", () => {
  const message = "Cannot run a program whose name is empty: name a .wasm file, or see --help";
  for (const argv of [[""], ["serve", ""], ["run", ""], ["run", "--", ""]]) {
    assertEquals(assertThrows(() => parse(argv), UsageError).message, message);
  }
});

for (const [line, message] of REFUSED) {
  Deno.test(`the command line "${line}" is refused with one clear line`, () => {
    const argv = line ? line.split(" ") : [];
    assertEquals(assertThrows(() => parse(argv), UsageError).message, message);
  });
}

Deno.test("the help names every limit", () => {
  for (const limit of LIMIT_NAMES) assertStringIncludes(helpText(), limit);
});

Deno.test("the help names every flag, that of a command its own", () => {
  for (const command of [undefined, "serve", "run"] as const) {
    const help = helpText(command);
    const named = Object.keys(FLAGS).filter((flag) =>
      new RegExp(`^ .*--${flag}( |$)`, "m").test(help)
    );
    const taken = Object.entries(FLAGS)
      .filter(([, { commands }]) => !command || !commands || commands.includes(command))
      .map(([flag]) => flag);
    assertEquals(named, taken);
  }
});

Deno.test("no line of the help is wider than a terminal of 100 columns", () => {
  for (const command of [undefined, "serve", "run"] as const) {
    assertEquals(helpText(command).split("\n").filter((line) => line.length > 100), []);
  }
});

Deno.test("no two flags have one short form", () => {
  const shorts = Object.values(FLAGS).flatMap(({ short }) => short ?? []);
  assertEquals(shorts.length, new Set(shorts).size);
});
