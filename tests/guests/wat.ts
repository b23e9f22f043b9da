import { assemble } from "../../cli/wat.ts";

const PRELUDE = `
  (import "fastly_http_resp" "new" (func $resp_new (param i32) (result i32)))
  (import "fastly_http_resp" "send_downstream" (func $respond (param i32 i32 i32) (result i32)))
  (import "fastly_http_body" "new" (func $body_new (param i32) (result i32)))
  (import "fastly_http_body" "write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_body" "read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "fastly_http_body" "close" (func $close (param i32) (result i32)))
  (import "fastly_http_req" "new" (func $req_new (param i32) (result i32)))
  (import "fastly_http_req" "uri_set" (func $uri_set (param i32 i32 i32) (result i32)))
  (import "fastly_http_req" "header_append"
    (func $header_append (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_req" "send_v3"
    (func $send_v3 (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_log" "endpoint_get" (func $endpoint (param i32 i32 i32) (result i32)))
  (import "fastly_log" "write" (func $log (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))

  (memory (export "memory") 16)
  ;; 0: what calls give, 64: texts, 1024: room for answers, 65536: 256 KiB of text
  (data (i32.const 64) "origin")

  ;; The handle that a call has put at 0.
  (func $made (param $status i32) (result i32)
    (if (local.get $status) (then (unreachable)))
    (i32.load (i32.const 0)))
  (func $fill
    (memory.fill (i32.const 65536) (i32.const 120) (i32.const 262144)))
  ;; Sends an empty request to the origin; the detail's tag is at 32, the response at 8, its body at 12.
  (func $send (result i32)
    (call $send_v3
      (call $made (call $req_new (i32.const 0)))
      (call $made (call $body_new (i32.const 0)))
      (i32.const 64) (i32.const 6) (i32.const 32) (i32.const 8) (i32.const 12)))
  ;; The number in five digits.
  (func $say (param $body i32) (param $n i32)
    (local $at i32)
    (local.set $at (i32.const 1029))
    (loop $digits
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at)
        (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
      (local.set $n (i32.div_u (local.get $n) (i32.const 10)))
      (br_if $digits (i32.gt_u (local.get $at) (i32.const 1024))))
    (i32.store8 (i32.const 1029) (i32.const 32))
    (drop (call $write
      (local.get $body) (i32.const 1024) (i32.const 6) (i32.const 0) (i32.const 0x40000))))
  ;; Answers with two numbers.
  (func $answer (param $one i32) (param $two i32)
    (local $body i32)
    (local.set $body (call $made (call $body_new (i32.const 0))))
    (call $say (local.get $body) (local.get $one))
    (call $say (local.get $body) (local.get $two))
    (drop (call $respond
      (call $made (call $resp_new (i32.const 0))) (local.get $body) (i32.const 0))))
`;

/**
 * A guest that runs these instructions, with some functions over the hostcalls to use; `$n` and `$status` are there to
 * count and keep.
 */
export function guestOf(instructions: string): Promise<Uint8Array> {
  return assemble(
    "guest.wat",
    `(module ${PRELUDE}
      (func (export "_start") (local $n i32) (local $status i32) (local $body i32) ${instructions}))`,
  );
}
