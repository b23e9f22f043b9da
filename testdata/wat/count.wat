;; Counts each request in a rate counter, and puts it in a penalty box. Answers how many there were in the last minute,
;; as one digit, and whether it was in the box before: "y" or "n".
(module
  (import "fastly_abi" "init" (func $init (param i64) (result i32)))
  (import "fastly_http_resp" "new" (func $resp_new (param i32) (result i32)))
  (import "fastly_http_body" "new" (func $body_new (param i32) (result i32)))
  (import "fastly_http_body" "write"
    (func $body_write (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_resp" "send_downstream"
    (func $send_downstream (param i32 i32 i32) (result i32)))
  (import "fastly_erl" "ratecounter_increment"
    (func $increment (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_erl" "ratecounter_lookup_count"
    (func $count (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_erl" "penaltybox_has" (func $has (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_erl" "penaltybox_add" (func $add (param i32 i32 i32 i32 i32) (result i32)))

  (memory (export "memory") 1)
  ;; 0: response handle, 4: body handle, 8: bytes written, 12: a number, 16: the name of all things, 20: the answer.
  (data (i32.const 16) "name")

  (func $check (param $status i32)
    (if (local.get $status) (then (unreachable))))

  (func $_start (export "_start")
    (call $check (call $init (i64.const 1)))
    (call $check
      (call $increment
        (i32.const 16) (i32.const 4) (i32.const 16) (i32.const 4) (i32.const 1)))
    (call $check
      (call $count
        (i32.const 16) (i32.const 4) (i32.const 16) (i32.const 4) (i32.const 60) (i32.const 12)))
    (i32.store8 (i32.const 20) (i32.add (i32.const 48) (i32.load (i32.const 12))))
    (call $check
      (call $has
        (i32.const 16) (i32.const 4) (i32.const 16) (i32.const 4) (i32.const 12)))
    (i32.store8 (i32.const 21)
      (select (i32.const 121) (i32.const 110) (i32.load (i32.const 12))))
    (call $check
      (call $add
        (i32.const 16) (i32.const 4) (i32.const 16) (i32.const 4) (i32.const 60)))
    (call $check (call $resp_new (i32.const 0)))
    (call $check (call $body_new (i32.const 4)))
    (call $check
      (call $body_write
        (i32.load (i32.const 4)) (i32.const 20) (i32.const 2) (i32.const 0) (i32.const 8)))
    (call $check
      (call $send_downstream
        (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 0)))))
