import { UsageError } from "../errors.ts";
import { flag, type Given } from "./flag.ts";
import {
  CLIENT_AUTHS,
  parseAdmin,
  parseBind,
  parseCount,
  parseHttps,
  parseProxies,
  parseWorkers,
} from "./flag_values.ts";
import { VICEROY_BIND } from "./viceroy.ts";

const DEFAULT_BIND = "localhost:5000";

/** Flags of `serve` alone, whose fields no other command has. */
export const LISTENER = {
  "bind": flag({
    short: "b",
    value: "ADDR",
    example: "localhost:5000",
    commands: ["serve"],
    help:
      "Where to listen: host:port, :port (every address), [::1]:port or a port; port 0 takes a free " +
      `one (default ${DEFAULT_BIND}; under the name viceroy ${VICEROY_BIND})`,
    read({ last, of, asViceroy }) {
      const bind = parseBind(last ?? of("addr").last ?? (asViceroy ? VICEROY_BIND : DEFAULT_BIND));
      return { bind, admin: parseAdmin(of("admin").last, bind) };
    },
  }),
  "https": flag({
    commands: ["serve"],
    help:
      "Serve HTTPS at the address of --bind, and no plain HTTP there; without --cert with a certificate for " +
      "localhost, of an authority that is made for this machine (see fastlike trust)",
    read: (given) => ({ https: parseHttps(given) }),
  }),
  "cert": flag({
    value: "FILE",
    example: "cert.pem",
    commands: ["serve"],
    help:
      "The server's certificate in PEM, followed by those of intermediate authorities, for HTTPS; read again when it changes",
  }),
  "key": flag({
    value: "FILE",
    example: "key.pem",
    commands: ["serve"],
    help: "The certificate's private key in PEM, by default in the file of --cert",
  }),
  "client-ca": flag({
    value: "FILE",
    example: "clients.pem",
    commands: ["serve"],
    help:
      "Authorities of clients' certificates in PEM: clients over HTTPS need a certificate of one",
  }),
  "client-auth": flag({
    value: "HOW",
    example: "request",
    choices: CLIENT_AUTHS,
    commands: ["serve"],
    help:
      "With --client-ca: refuse clients without an accepted certificate (require, the default), or serve them and " +
      "let the program look at it (request)",
  }),
  "http-redirect": flag({
    value: "ADDR",
    example: ":80",
    commands: ["serve"],
    help: "With HTTPS: answer plain HTTP there with a redirect to the same URL under https",
  }),
  "proxy-protocol": flag({
    value: "CIDR",
    example: "10.0.0.0/8",
    choices: ["loopback", "private"],
    repeats: true,
    commands: ["serve"],
    help:
      "A proxy, by address or range, whose connections begin with a header of the PROXY protocol (version 1 or 2), " +
      "ahead of TLS: the client's address is in it",
    read: ({ all }) => ({ proxyProtocol: parseProxies("proxy-protocol", all) }),
  }),
  "h2c": flag({
    commands: ["serve"],
    help:
      "Speak HTTP/2 without TLS, too, to clients that begin with it (prior knowledge); over HTTPS it is always offered",
    read: ({ on = false }) => ({ h2c: on }),
  }),
  "admin": flag({
    value: "ADDR",
    example: "localhost:9000",
    commands: ["serve"],
    help: "Serve /healthz and /metrics (for Prometheus) there",
  }),
  "warmup": flag({
    value: "N",
    example: "8",
    commands: ["serve"],
    help: "Make that many instances before the first request",
    read: ({ last }) => ({ warmup: parseCount("warmup", last) }),
  }),
  "workers": flag({
    value: "N",
    example: "auto",
    choices: ["auto"],
    commands: ["serve"],
    help:
      "Serve by N processes behind one socket, or by one for each core (auto); a guest that computes, or crashes " +
      "its process, holds up one of them (default 1)",
    read: ({ last }) => ({ workers: parseWorkers(last) }),
  }),
  "watch": flag({
    commands: ["serve"],
    help:
      "Follow changes of the program, of fastly.toml and of the files that it names: new requests get the new " +
      "state, running ones end on the old. With a build command, changes of sources build the program",
    // Viceroy is ended by SIGHUP, and scripts of its users rely on that.
    read: ({ on = false, asViceroy }) => ({ watch: on, hangUpEnds: asViceroy }),
  }),
  "build": flag({
    value: "COMMAND",
    example: '"cargo build --release --target wasm32-wasip1"',
    commands: ["serve"],
    help:
      "Build the program with this command, at the start and with --watch at each change of a source; without a " +
      "program named, the default is [scripts] build of fastly.toml",
    read: ({ last }) => ({ build: last }),
  }),
  "watch-dir": flag({
    value: "DIR",
    example: "src",
    repeats: true,
    commands: ["serve"],
    help:
      "A folder (or file) of sources, without files that .gitignore and .fastlyignore name; by default the project's folder",
    read: ({ all, of }) => {
      if (all.length) needsWatch("watch-dir", "sources are not followed", of);
      return { watchDirs: all };
    },
  }),
  "watch-poll": flag({
    commands: ["serve"],
    help:
      "Look for changes each second only: for file systems that tell of none (network shares, containers)",
    read({ on = false, of }) {
      if (on) needsWatch("watch-poll", "nothing is followed", of);
      return { watchPoll: on };
    },
  }),
  "live-reload": flag({
    commands: ["serve"],
    help: "Have browsers load their pages again at each reload, by a script that is added to HTML",
    read: ({ on = false }) => ({ liveReload: on }),
  }),
} as const;

function needsWatch(name: string, reason: string, of: Given["of"]): void {
  if (of("watch").on) return;
  throw new UsageError(`Cannot use --${name} without --watch: ${reason}`);
}
