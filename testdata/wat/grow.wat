;; Grows the memory page by page until the host says no; answers with the pages it then has, in
;; decimal.
(module
  (import "fastly_abi" "init" (func $init (param i64) (result i32)))
  (import "fastly_http_resp" "new" (func $resp_new (param i32) (result i32)))
  (import "fastly_http_body" "new" (func $body_new (param i32) (result i32)))
  (import "fastly_http_body" "write"
    (func $body_write (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_resp" "send_downstream"
    (func $send_downstream (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)
  ;; 0: response handle, 4: body handle, 8: bytes written, up to 32: the digits.

  (func $check (param $status i32)
    (if (local.get $status) (then (unreachable))))

  ;; Writes the digits of $n so that the last one is at 31; returns where the first one is.
  (func $decimal (param $n i32) (result i32)
    (local $at i32)
    (local.set $at (i32.const 32))
    (loop $next
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at)
        (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
      (local.set $n (i32.div_u (local.get $n) (i32.const 10)))
      (br_if $next (local.get $n)))
    (local.get $at))

  (func $_start (export "_start")
    (local $digits i32)
    (loop $more
      (br_if $more
        (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (local.set $digits (call $decimal (memory.size)))

    (call $check (call $init (i64.const 1)))
    (call $check (call $resp_new (i32.const 0)))
    (call $check (call $body_new (i32.const 4)))
    (call $check
      (call $body_write
        (i32.load (i32.const 4))
        (local.get $digits)
        (i32.sub (i32.const 32) (local.get $digits))
        (i32.const 0)
        (i32.const 8)))
    (call $check
      (call $send_downstream
        (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 0)))))
