import { UsageError } from "../errors.ts";
import { flag } from "./flag.ts";

/** Default address of Viceroy. */
export const VICEROY_BIND = "127.0.0.1:7676";

/** Flags of Viceroy, Fastly's own local server, that this program has for compatibility only. */
export const VICEROY_FLAGS = {
  "addr": flag({
    value: "ADDR",
    commands: ["serve"],
    help: "The same as --bind",
  }),
  "log-stdout": flag({
    help: "Treat the guest's standard output as a log endpoint",
    read: ({ on = false, of }) => ({
      captured: { stdout: on, stderr: of("log-stderr").on === true },
    }),
  }),
  "log-stderr": flag({
    help: "Treat the guest's standard error as a log endpoint",
  }),
  "unknown-import-behavior": flag({
    value: "HOW",
    choices: ["trap", "link-error"],
    help:
      "What an import does that this host does not know: trap ends the guest when it is called " +
      "(the default), link-error refuses the program",
    read: ({ last }) => ({ unknownImports: parseUnknownImports(last) }),
    options: ({ unknownImports }) => ({ unknownImports }),
  }),
  "local-pushpin-proxy-port": flag({
    value: "PORT",
    help: "Where a Pushpin listens on this machine, for Fanout",
    read: ({ last }) => ({ pushpin: parsePushpin(last) }),
    options: ({ pushpin }) => ({ pushpin }),
  }),
  "enable-local-websocket-passthrough": flag({
    help: "With =false, tell guests that there are no WebSockets",
    read: ({ on }) => ({ websockets: on }),
    options: ({ websockets }) => ({ websockets }),
  }),
  "profile": flag({
    value: "PROFILE",
    help: "Taken and does nothing: guests are not profiled",
    idle: "guests are not profiled",
  }),
  "adapt": flag({
    help: "Taken and does nothing: modules run as they are",
    idle: "modules run as they are",
  }),
  "debug-info": flag({
    short: "g",
    help: "Taken and does nothing: traps name the guest's functions without it",
    idle: "traps name the guest's functions without it",
  }),
  "wasm-exceptions": flag({ help: "Always on" }),
  "wasm-gc": flag({ help: "Always on" }),
  "wasm-cm-gc": flag({
    help: "Taken and does nothing: components run as they are",
    idle: "components run as they are",
  }),
  "experimental_modules": flag({
    value: "MODULES",
    help: "Taken and does nothing: the first call of such a module ends the guest",
    idle: "the first call of % ends the guest",
  }),
} as const;

function parseUnknownImports(value: string | undefined): "trap" | "refuse" | undefined {
  switch (value) {
    case undefined:
    case "trap":
      return value;
    case "link-error":
      return "refuse";
  }
  throw new UsageError(
    `Cannot use ${JSON.stringify(value)} for --unknown-import-behavior: link-error or trap`,
  );
}

/** Reads Pushpin's address. Port 0 is allowed: nothing listens there, so that a hand-off fails and other requests work. */
function parsePushpin(text: string | undefined): { host: string; port: number } | undefined {
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Infinity;
  if (port <= 65_535) return { host: "127.0.0.1", port };
  throw new UsageError(
    `Cannot use ${JSON.stringify(text)} for --local-pushpin-proxy-port: it is not a port`,
  );
}
