import type { Interface } from "./interface.ts";

const NOTHING = { uses: {}, resources: [], types: {}, functions: {} };

/** Interfaces of WASI 0.2 that are in Fastly's world, and those that standard libraries import beyond them. */
export const WASI: Readonly<Record<string, Interface>> = {
  "wasi:io/error": {
    ...NOTHING,
    resources: ["error"],
    functions: { "[method]error.to-debug-string": "(self: borrow<error>) -> string" },
  },
  "wasi:io/poll": {
    ...NOTHING,
    resources: ["pollable"],
    functions: {
      "[method]pollable.ready": "(self: borrow<pollable>) -> bool",
      "[method]pollable.block": "(self: borrow<pollable>)",
      "poll": "(in: list<borrow<pollable>>) -> list<u32>",
    },
  },
  "wasi:io/streams": {
    uses: { "error": "wasi:io/error.error", "pollable": "wasi:io/poll.pollable" },
    resources: ["input-stream", "output-stream"],
    types: { "stream-error": "variant{last-operation-failed: error, closed}" },
    functions: {
      "[method]input-stream.read":
        "(self: borrow<input-stream>, len: u64) -> result<list<u8>, stream-error>",
      "[method]input-stream.blocking-read":
        "(self: borrow<input-stream>, len: u64) -> result<list<u8>, stream-error>",
      "[method]input-stream.skip":
        "(self: borrow<input-stream>, len: u64) -> result<u64, stream-error>",
      "[method]input-stream.blocking-skip":
        "(self: borrow<input-stream>, len: u64) -> result<u64, stream-error>",
      "[method]input-stream.subscribe": "(self: borrow<input-stream>) -> pollable",
      "[method]output-stream.check-write":
        "(self: borrow<output-stream>) -> result<u64, stream-error>",
      "[method]output-stream.write":
        "(self: borrow<output-stream>, contents: list<u8>) -> result<_, stream-error>",
      "[method]output-stream.blocking-write-and-flush":
        "(self: borrow<output-stream>, contents: list<u8>) -> result<_, stream-error>",
      "[method]output-stream.flush": "(self: borrow<output-stream>) -> result<_, stream-error>",
      "[method]output-stream.blocking-flush":
        "(self: borrow<output-stream>) -> result<_, stream-error>",
      "[method]output-stream.subscribe": "(self: borrow<output-stream>) -> pollable",
      "[method]output-stream.write-zeroes":
        "(self: borrow<output-stream>, len: u64) -> result<_, stream-error>",
      "[method]output-stream.blocking-write-zeroes-and-flush":
        "(self: borrow<output-stream>, len: u64) -> result<_, stream-error>",
      "[method]output-stream.splice":
        "(self: borrow<output-stream>, src: borrow<input-stream>, len: u64) -> result<u64, stream-error>",
      "[method]output-stream.blocking-splice":
        "(self: borrow<output-stream>, src: borrow<input-stream>, len: u64) -> result<u64, stream-error>",
    },
  },
  "wasi:clocks/monotonic-clock": {
    ...NOTHING,
    uses: { "pollable": "wasi:io/poll.pollable" },
    types: { "instant": "u64", "duration": "u64" },
    functions: {
      "now": "() -> instant",
      "resolution": "() -> duration",
      "subscribe-instant": "(when: instant) -> pollable",
      "subscribe-duration": "(when: duration) -> pollable",
    },
  },
  "wasi:clocks/wall-clock": {
    ...NOTHING,
    types: { "datetime": "record{seconds: u64, nanoseconds: u32}" },
    functions: { "now": "() -> datetime", "resolution": "() -> datetime" },
  },
  "wasi:random/random": {
    ...NOTHING,
    functions: {
      "get-random-bytes": "(len: u64) -> list<u8>",
      "get-random-u64": "() -> u64",
    },
  },
  "wasi:random/insecure": {
    ...NOTHING,
    functions: {
      "get-insecure-random-bytes": "(len: u64) -> list<u8>",
      "get-insecure-random-u64": "() -> u64",
    },
  },
  "wasi:random/insecure-seed": {
    ...NOTHING,
    functions: { "insecure-seed": "() -> tuple<u64, u64>" },
  },
  "wasi:cli/environment": {
    ...NOTHING,
    functions: {
      "get-environment": "() -> list<tuple<string, string>>",
      "get-arguments": "() -> list<string>",
      "initial-cwd": "() -> option<string>",
    },
  },
  "wasi:cli/exit": {
    ...NOTHING,
    functions: { "exit": "(status: result)", "exit-with-code": "(status-code: u8)" },
  },
  "wasi:cli/stdin": {
    ...NOTHING,
    uses: { "input-stream": "wasi:io/streams.input-stream" },
    functions: { "get-stdin": "() -> input-stream" },
  },
  "wasi:cli/stdout": {
    ...NOTHING,
    uses: { "output-stream": "wasi:io/streams.output-stream" },
    functions: { "get-stdout": "() -> output-stream" },
  },
  "wasi:cli/stderr": {
    ...NOTHING,
    uses: { "output-stream": "wasi:io/streams.output-stream" },
    functions: { "get-stderr": "() -> output-stream" },
  },
  "wasi:cli/terminal-input": { ...NOTHING, resources: ["terminal-input"] },
  "wasi:cli/terminal-output": { ...NOTHING, resources: ["terminal-output"] },
  "wasi:cli/terminal-stdin": {
    ...NOTHING,
    uses: { "terminal-input": "wasi:cli/terminal-input.terminal-input" },
    functions: { "get-terminal-stdin": "() -> option<terminal-input>" },
  },
  "wasi:cli/terminal-stdout": {
    ...NOTHING,
    uses: { "terminal-output": "wasi:cli/terminal-output.terminal-output" },
    functions: { "get-terminal-stdout": "() -> option<terminal-output>" },
  },
  "wasi:cli/terminal-stderr": {
    ...NOTHING,
    uses: { "terminal-output": "wasi:cli/terminal-output.terminal-output" },
    functions: { "get-terminal-stderr": "() -> option<terminal-output>" },
  },
  "wasi:filesystem/types": { ...NOTHING, resources: ["descriptor", "directory-entry-stream"] },
  "wasi:filesystem/preopens": {
    ...NOTHING,
    uses: { "descriptor": "wasi:filesystem/types.descriptor" },
    functions: { "get-directories": "() -> list<tuple<descriptor, string>>" },
  },
};
