import { assemble } from "../../cli/wat.ts";

/**
 * A guest with functions to spin, to wait and to answer: `$is_post`, `$spin`, `$spin_for` (in
 * milliseconds that it has run), `$now` (nanoseconds of a clock), `$vcpu` (milliseconds that it has run), `$sleep` (in
 * milliseconds), `$answer` (with `done`), `$stream` (answers with a body that stays open, and writes `some`), `$ask`
 * (sends the client's request to the backend `origin`; after `$is_post`), `$ask_without_waiting` (the same, and goes
 * on; the handle is at 48), `$is_done` (of a pending request), `$is_ready` (of any handle), `$yield`, `$proxy` (answers
 * with its response), `$say` (prints a line, `some`).
 *
 * @param start Instructions of `_start`.
 * @param parts Other things of the module.
 */
export function guestOf(start: string, parts = "", memory = "1 4"): Promise<Uint8Array> {
  return assemble(
    "guest.wat",
    `(module
  (import "fastly_http_req" "body_downstream_get" (func $get (param i32 i32) (result i32)))
  (import "fastly_http_req" "method_get" (func $method (param i32 i32 i32 i32) (result i32)))
  (import "fastly_http_req" "send" (func $fetch (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_req" "send_async" (func $fetch_async (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_resp" "new" (func $response (param i32) (result i32)))
  (import "fastly_http_resp" "send_downstream" (func $send (param i32 i32 i32) (result i32)))
  (import "fastly_http_body" "new" (func $body (param i32) (result i32)))
  (import "fastly_http_body" "write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_compute_runtime" "get_vcpu_ms" (func $get_vcpu (param i32) (result i32)))
  (import "fastly_http_downstream" "next_request" (func $next (param i32 i32 i32) (result i32)))
  (import "fastly_http_downstream" "next_request_wait" (func $next_wait (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $print (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (import "fastly_http_req" "pending_req_poll" (func $ask_whether (param i32 i32 i32 i32) (result i32)))
  (import "fastly_async_io" "is_ready" (func $see_whether (param i32 i32) (result i32)))
  (memory (export "memory") ${memory})
  (data (i32.const 1000) "donesome\\norigin")
  ${parts}
  (func $is_post (result i32)
    (drop (call $get (i32.const 0) (i32.const 4)))
    (drop (call $method (i32.load (i32.const 0)) (i32.const 16) (i32.const 16) (i32.const 8)))
    (i32.eq (i32.load8_u (i32.const 16)) (i32.const 80)))
  (func $spin (loop $on (br $on)))
  (func $vcpu (result i64)
    (drop (call $get_vcpu (i32.const 40)))
    (i64.load (i32.const 40)))
  (func $now (result i64)
    (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 72)))
    (i64.load (i32.const 72)))
  (func $spin_for (param $ms i64)
    (local.set $ms (i64.add (local.get $ms) (call $vcpu)))
    (loop $on (br_if $on (i64.lt_u (call $vcpu) (local.get $ms)))))
  (func $sleep (param $ms i64)
    (i32.store (i32.const 116) (i32.const 1))
    (i64.store (i32.const 124) (i64.mul (local.get $ms) (i64.const 1000000)))
    (drop (call $poll (i32.const 100) (i32.const 200) (i32.const 1) (i32.const 240))))
  (func $respond (param $text i32) (param $streaming i32)
    (drop (call $response (i32.const 48)))
    (drop (call $body (i32.const 52)))
    (if (i32.eqz (local.get $streaming)) (then (call $put (local.get $text))))
    (drop (call $send (i32.load (i32.const 48)) (i32.load (i32.const 52)) (local.get $streaming)))
    (if (local.get $streaming) (then (call $put (local.get $text)))))
  (func $put (param $text i32)
    (drop (call $write (i32.load (i32.const 52)) (local.get $text) (i32.const 4) (i32.const 0) (i32.const 56))))
  (func $answer (call $respond (i32.const 1000) (i32.const 0)))
  (func $stream (call $respond (i32.const 1004) (i32.const 1)))
  (func $ask
    (drop (call $fetch (i32.load (i32.const 0)) (i32.load (i32.const 4))
      (i32.const 1009) (i32.const 6) (i32.const 48) (i32.const 52))))
  (func $ask_without_waiting
    (drop (call $fetch_async (i32.load (i32.const 0)) (i32.load (i32.const 4))
      (i32.const 1009) (i32.const 6) (i32.const 48))))
  (func $is_done (param $pending i32) (result i32)
    (drop (call $ask_whether (local.get $pending)
      (i32.const 76) (i32.const 84) (i32.const 88)))
    (i32.load (i32.const 76)))
  (func $is_ready (param $handle i32) (result i32)
    (drop (call $see_whether (local.get $handle) (i32.const 76)))
    (i32.load (i32.const 76)))
  (func $proxy
    (call $ask)
    (drop (call $send (i32.load (i32.const 48)) (i32.load (i32.const 52)) (i32.const 0))))
  (func $say
    (i32.store (i32.const 60) (i32.const 1004))
    (i32.store (i32.const 64) (i32.const 5))
    (drop (call $print (i32.const 1) (i32.const 60) (i32.const 1) (i32.const 68))))
  (func $_start (export "_start") (local $until i64) (local $i i32) ${start}))`,
  );
}
