/**
 * The flags of Viceroy, Fastly's own local server, that are not flags of this program anyway.
 *
 * @module
 */
import process from "node:process";
import type { ServiceOptions } from "../../service/options.ts";
import { CommandError, UsageError } from "../errors.ts";
import type { Captured } from "../telemetry/stdio.ts";

/** Viceroy's flags that take a value. */
export const VICEROY_WITH_VALUE: readonly string[] = [
  "addr",
  "unknown-import-behavior",
  "local-pushpin-proxy-port",
  "profile",
  "experimental_modules",
];
/** Viceroy's flags that take none, or take one behind "=" only. */
export const VICEROY_WITHOUT_VALUE: readonly string[] = [
  "log-stdout",
  "log-stderr",
  "enable-local-websocket-passthrough",
  "adapt",
  "debug-info",
  "wasm-exceptions",
  "wasm-gc",
  "wasm-cm-gc",
];
/** Viceroy's short forms. */
export const VICEROY_ALIASES: Readonly<Record<string, string>> = { g: "debug-info", V: "version" };
/** Where Viceroy listens. */
export const VICEROY_BIND = "127.0.0.1:7676";

/** What Viceroy's flags ask for. */
export interface ViceroyFlags {
  readonly captured: Captured;
  readonly options: Pick<ServiceOptions, "unknownImports" | "pushpin" | "websockets">;
  /** Lines for the user about flags that do nothing here. */
  readonly notes: readonly string[];
}

/** Reads what was given for Viceroy's flags, or throws a {@linkcode UsageError}. */
export function parseViceroyFlags(
  flags: Readonly<Record<string, unknown>>,
  lastOf: (name: string) => string | undefined,
): ViceroyFlags {
  const websockets = lastBoolean(flags, "enable-local-websocket-passthrough");
  const port = lastOf("local-pushpin-proxy-port");
  const unknownImports = parseUnknownImports(lastOf("unknown-import-behavior"));
  return {
    captured: {
      stdout: lastBoolean(flags, "log-stdout") === true,
      stderr: lastBoolean(flags, "log-stderr") === true,
    },
    options: {
      ...unknownImports && { unknownImports },
      ...port !== undefined && { pushpin: { host: "127.0.0.1", port: parsePort(port) } },
      ...websockets !== undefined && { websockets },
    },
    notes: notesOn(flags, lastOf),
  };
}

function lastBoolean(flags: Readonly<Record<string, unknown>>, name: string): boolean | undefined {
  return (flags[name] as readonly boolean[]).at(-1);
}

function parseUnknownImports(value: string | undefined): ServiceOptions["unknownImports"] {
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

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Infinity;
  if (port <= 65_535) return port; // nothing listens on 0: a hand-off fails, and the rest runs
  throw new UsageError(
    `Cannot use ${JSON.stringify(text)} for --local-pushpin-proxy-port: it is not a port`,
  );
}

function notesOn(
  flags: Readonly<Record<string, unknown>>,
  lastOf: (name: string) => string | undefined,
): string[] {
  const notes: string[] = [];
  if (lastOf("profile")) notes.push("--profile does nothing here: guests are not profiled");
  if (lastBoolean(flags, "adapt")) notes.push("--adapt does nothing here: modules run as they are");
  if (lastBoolean(flags, "debug-info")) {
    notes.push("-g does nothing here: traps name the guest's functions without it");
  }
  if (lastBoolean(flags, "wasm-cm-gc")) {
    notes.push("--wasm-cm-gc does nothing here: only modules run, no components");
  }
  const modules = lastOf("experimental_modules");
  if (modules) {
    notes.push(
      `--experimental_modules does nothing here: the first call of ${modules} ends the guest`,
    );
  }
  return notes;
}

/** Refuses `viceroy adapt`. */
export function refuseAdapt(): never {
  throw new CommandError(
    "Cannot adapt: programs run here as the modules that they are, and none needs to be a component",
  );
}

/** Whether the process was started as `viceroy`, which decides where it listens by default. */
export function startedAsViceroy(name: string = process.argv0): boolean {
  return /(^|[\\/])viceroy(\.exe)?$/i.test(name);
}
