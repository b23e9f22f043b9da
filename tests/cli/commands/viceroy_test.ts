import { assertEquals, assertStringIncludes, assertThrows } from "../../assert.ts";
import { parse } from "../../../cli/flags/args.ts";
import { CommandError, UsageError } from "../../../cli/errors.ts";
import { isViceroy } from "../../../cli/commands/viceroy.ts";
import { ROOT, runCli } from "../commands.ts";

const BUILT = `${ROOT}/testdata/built`;

/** Fields of a command to serve or run that the tests compare. */
function understood(line: string, asViceroy = true) {
  const command = parse(line.split(" "), asViceroy);
  if (command.kind !== "serve" && command.kind !== "run") throw new Error(command.kind);
  return command;
}

function refused(line: string): string {
  return assertThrows(() => parse(line.split(" ")), UsageError).message;
}

Deno.test("the command line with which the Fastly CLI starts its server is understood", () => {
  const line = "-v -C /app/fastly.toml --addr 127.0.0.1:7676 bin/main.wasm";
  for (const command of [understood(line), understood(`serve ${line}`)]) {
    const { kind, wasm, config, verbosity } = command;
    assertEquals({ kind, wasm, config, verbosity }, {
      kind: "serve",
      wasm: "bin/main.wasm",
      config: "/app/fastly.toml",
      verbosity: 1,
    });
    assertEquals(command.kind === "serve" && command.bind, { hostname: "127.0.0.1", port: 7676 });
  }
});

Deno.test("under Viceroy's name, its address is the default", () => {
  const bindOf = (line: string, asViceroy: boolean) => {
    const command = understood(line, asViceroy);
    return command.kind === "serve" ? command.bind : undefined;
  };
  assertEquals(bindOf("guest.wasm", true), { hostname: "127.0.0.1", port: 7676 });
  assertEquals(bindOf("guest.wasm", false), { hostname: "localhost", port: 5000 });
  assertEquals(bindOf("--addr [::1]:80 guest.wasm", false), { hostname: "::1", port: 80 });
  for (const name of ["viceroy", "/usr/bin/viceroy", "C:\\bin\\Viceroy.exe"]) {
    assertEquals(isViceroy(name), true, name);
  }
  for (const name of ["deno", "/opt/viceroy/deno", "viceroy-lib"]) {
    assertEquals(isViceroy(name), false, name);
  }
});

Deno.test("under run and under Viceroy's name, HTTP caching is off unless it is turned on", () => {
  const caches = (line: string, asViceroy: boolean) => understood(line, asViceroy).cache;
  assertEquals(caches("guest.wasm", false), true);
  for (const asViceroy of [true, false]) {
    const lines = asViceroy ? ["guest.wasm", "serve guest.wasm"] : [];
    for (const line of [...lines, "run guest.wasm"]) {
      assertEquals(caches(line, asViceroy), false, line);
      assertEquals(caches(`--no-cache ${line}`, asViceroy), false, line);
      assertEquals(caches(`--cache ${line}`, asViceroy), true, line);
    }
  }
  assertEquals(caches("run guest.wasm --cache", false), true, "the flag is run's own");
});

Deno.test("under Viceroy's name, and with a flag, requests may say that they are a bot's", () => {
  assertEquals(understood("guest.wasm", true).botHeaders, true);
  assertEquals(understood("guest.wasm", false).botHeaders, false);
  assertEquals(understood("--bot-headers guest.wasm", false).botHeaders, true);
});

const RUN_LINES: [line: string, wasm: string, args: string[], verbosity?: number][] = [
  ["run g.wasm", "g.wasm", []],
  ["run g.wasm x y", "g.wasm", ["x", "y"]],
  ["run g.wasm --nocapture", "g.wasm", ["--nocapture"]],
  ["run g.test -test.v -test.run=A", "g.test", ["-test.v", "-test.run=A"]],
  ["run -v g.wasm x", "g.wasm", ["x"], 1],
  ["-v run g.wasm x", "g.wasm", ["x"], 1],
  ["run g.wasm -v", "g.wasm", [], 1],
  ["run g.wasm x -v", "g.wasm", ["x", "-v"]],
  ["run g.wasm -- -v", "g.wasm", ["-v"]],
  ["run g.wasm -vv -- -v -- z", "g.wasm", ["-v", "--", "z"], 2],
  ["run g.wasm x -- z", "g.wasm", ["x", "--", "z"]],
  ["run -C fastly.toml -- g.wasm -v", "g.wasm", ["-v"]],
  ["run -- g.wasm --help", "g.wasm", ["--help"]],
  ["run -C fastly.toml run x", "run", ["x"]],
  ["run g.wasm -", "g.wasm", ["-"]],
  ["run --wasm g.wasm -- x -v", "g.wasm", ["x", "-v"]],
];

for (const [line, wasm, args, verbosity = 0] of RUN_LINES) {
  Deno.test(`"${line}" gives the guest its own arguments`, () => {
    const command = understood(line);
    if (command.kind !== "run") throw new Error("it is not run");
    assertEquals([command.wasm, command.args, command.verbosity], [wasm, args, verbosity]);
  });
}

Deno.test("a file may have the name of a command", () => {
  assertEquals(understood("-- run").kind, "serve");
  assertEquals(understood("-- run").wasm, "run");
});

Deno.test("flags that change the guest's environment become options", () => {
  const { captured, unknownImports, pushpin, websockets, notes } = understood(
    "--log-stdout --unknown-import-behavior link-error --local-pushpin-proxy-port 7677 " +
      "--enable-local-websocket-passthrough=false g.wasm",
  );
  assertEquals({ captured, unknownImports, pushpin, websockets, notes }, {
    captured: { stdout: true, stderr: false },
    unknownImports: "refuse",
    pushpin: { host: "127.0.0.1", port: 7677 },
    websockets: false,
    notes: [],
  });
  const other = understood(
    "--enable-local-websocket-passthrough --unknown-import-behavior=trap g.wasm",
  );
  assertEquals([other.unknownImports, other.pushpin, other.websockets], ["trap", undefined, true]);
});

Deno.test("Pushpin's port may be 0, where nothing listens", () => {
  const { pushpin } = understood("--local-pushpin-proxy-port 0 guest.wasm");
  assertEquals(pushpin, { host: "127.0.0.1", port: 0 });
});

Deno.test("flags that do nothing here are taken, and said to do nothing", () => {
  const { notes, wasm } = understood(
    "-g --profile guest,out --adapt --experimental_modules wasi-nn --wasm-exceptions --wasm-gc " +
      "--wasm-cm-gc g.wasm",
  );
  assertEquals(wasm, "g.wasm");
  assertEquals(notes, [
    "--profile does nothing here: guests are not profiled",
    "--adapt does nothing here: modules run as they are",
    "-g does nothing here: traps name the guest's functions without it",
    "--wasm-cm-gc does nothing here: components run as they are",
    "--experimental_modules does nothing here: the first call of wasi-nn ends the guest",
  ]);
});

Deno.test("help and version are asked for as there", () => {
  for (const line of ["help", "--help", "-h"]) {
    assertEquals(parse(line.split(" "), true), { kind: "help" });
  }
  for (const line of ["run --help", "help run", "run -v g.wasm -h"]) {
    assertEquals(parse(line.split(" "), true), { kind: "help", command: "run" });
  }
  for (const line of ["-V", "--version", "run -V"]) {
    assertEquals(parse(line.split(" "), true), { kind: "version" });
  }
});

Deno.test("invalid values are refused with one line", () => {
  assertEquals(
    refused("--unknown-import-behavior no g.wasm"),
    'Cannot use "no" for --unknown-import-behavior: link-error or trap',
  );
  for (const port of ["65536", "x", "7.5"]) {
    assertEquals(
      refused(`--local-pushpin-proxy-port ${port} g.wasm`),
      `Cannot use "${port}" for --local-pushpin-proxy-port: it is not a port`,
    );
  }
  assertEquals(
    refused("run --addr 127.0.0.1:1 g.wasm"),
    "Cannot use --addr with run: it serves nothing",
  );
  assertEquals(refused("--guest-env =x g.wasm"), "Cannot use --guest-env =x: it is not NAME=VALUE");
  assertEquals(
    refused("--guest-env NOT_SET_ANYWHERE g.wasm"),
    "Cannot use --guest-env NOT_SET_ANYWHERE: the variable is not set (or give a value: NOT_SET_ANYWHERE=VALUE)",
  );
  assertEquals(refused("run"), "Cannot start without a program: name a .wasm file, or see --help");
  assertThrows(() => parse(["adapt", "g.wasm"]), CommandError, "Cannot adapt: ");
});

Deno.test("link-error refuses a program with unknown imports", async () => {
  const guest = `${BUILT}/unknown_unused.wasm`;
  const line = ["--unknown-import-behavior=link-error", guest];
  for (const command of [["run"], ["serve"]]) {
    assertEquals(await runCli([...command, ...line]), {
      code: 1,
      stdout: "",
      stderr: `Cannot run ${guest}: it imports some_module.some_function, ` +
        "which this host does not know\n",
    });
  }
  assertEquals((await runCli(["run", guest])).code, 0);
});

Deno.test("flags without effect are named when the program runs", async () => {
  const { code, stderr } = await runCli(["run", "-g", `${BUILT}/exit0.wasm`]);
  assertEquals(code, 0);
  assertStringIncludes(stderr, "info: -g does nothing here");
});
