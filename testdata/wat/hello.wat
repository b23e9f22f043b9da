;; Answers 200 "Hello from wat\n" through today's module names.
(module
  (import "fastly_abi" "init" (func $init (param i64) (result i32)))
  (import "fastly_http_resp" "new" (func $resp_new (param i32) (result i32)))
  (import "fastly_http_body" "new" (func $body_new (param i32) (result i32)))
  (import "fastly_http_body" "write"
    (func $body_write (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_resp" "send_downstream"
    (func $send_downstream (param i32 i32 i32) (result i32)))

  (memory (export "memory") 1)
  ;; 0: response handle, 4: body handle, 8: bytes written, 16: the text.
  (data (i32.const 16) "Hello from wat\n")

  (func $check (param $status i32)
    (if (local.get $status) (then (unreachable))))

  (func $_start (export "_start")
    (call $check (call $init (i64.const 1)))
    (call $check (call $resp_new (i32.const 0)))
    (call $check (call $body_new (i32.const 4)))
    (call $check
      (call $body_write
        (i32.load (i32.const 4)) (i32.const 16) (i32.const 15) (i32.const 0) (i32.const 8)))
    (call $check
      (call $send_downstream
        (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 0)))))
