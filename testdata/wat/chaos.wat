;; Does what the first letter of its path asks for: /spin, /recurse, /memory (takes all there is), /trap, /exit,
;; /half (traps in the middle of its response), /background (spins after its response), /origin… (what a backend says).
;; Anything else is answered with the request's own URL.
(module
  (import "fastly_http_req" "body_downstream_get" (func $downstream (param i32 i32) (result i32)))
  (import "fastly_http_req" "uri_get" (func $uri_get (param i32 i32 i32 i32) (result i32)))
  (import "fastly_http_req" "send"
    (func $send (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_resp" "new" (func $resp_new (param i32) (result i32)))
  (import "fastly_http_resp" "status_set" (func $status_set (param i32 i32) (result i32)))
  (import "fastly_http_resp" "send_downstream"
    (func $send_downstream (param i32 i32 i32) (result i32)))
  (import "fastly_http_body" "new" (func $body_new (param i32) (result i32)))
  (import "fastly_http_body" "write"
    (func $body_write (param i32 i32 i32 i32 i32) (result i32)))
  (import "fastly_http_body" "close" (func $body_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))

  (memory (export "memory") 1)
  ;; 0: request, 4: its body, 8: response, 12: its body, 16: bytes of the URL, 20: bytes written
  (data (i32.const 32) "origin")
  (global $url i32 (i32.const 1024))
  (global $most i32 (i32.const 8192))

  (func $check (param $status i32)
    (if (local.get $status) (then (unreachable))))

  (func $respond (param $status i32) (param $streaming i32)
    (call $check (call $resp_new (i32.const 8)))
    (call $check (call $status_set (i32.load (i32.const 8)) (local.get $status)))
    (call $check (call $body_new (i32.const 12)))
    (call $check
      (call $body_write (i32.load (i32.const 12)) (global.get $url) (i32.load (i32.const 16))
        (i32.const 0) (i32.const 20)))
    (call $check
      (call $send_downstream (i32.load (i32.const 8)) (i32.load (i32.const 12))
        (local.get $streaming))))

  ;; A failed send is a 502 with the URL.
  (func $proxy
    (if
      (call $send (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.const 32) (i32.const 6)
        (i32.const 8) (i32.const 12))
      (then (call $respond (i32.const 502) (i32.const 0)))
      (else
        (call $check
          (call $send_downstream (i32.load (i32.const 8)) (i32.load (i32.const 12))
            (i32.const 0))))))

  (func $spin
    (loop $again (br $again)))

  (func $recurse (param $depth i32) (result i32)
    (i32.add (call $recurse (i32.add (local.get $depth) (i32.const 1))) (i32.const 1)))

  (func $take_memory
    (loop $again
      (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
    (unreachable))

  ;; Where the path begins, after its first slash.
  (func $path (result i32)
    (local $at i32) (local $slashes i32)
    (local.set $at (global.get $url))
    (loop $next
      (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 47)) ;; "/"
        (then (local.set $slashes (i32.add (local.get $slashes) (i32.const 1)))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $slashes) (i32.const 3))))
    (local.get $at))

  (func $_start (export "_start")
    (local $letter i32)
    (call $check (call $downstream (i32.const 0) (i32.const 4)))
    (call $check
      (call $uri_get (i32.load (i32.const 0)) (global.get $url) (global.get $most) (i32.const 16)))
    (local.set $letter (i32.load8_u (call $path)))
    (if (i32.eq (local.get $letter) (i32.const 115)) (then (call $spin) (return))) ;; "s"
    (if (i32.eq (local.get $letter) (i32.const 114)) ;; "r"
      (then (drop (call $recurse (i32.const 0))) (return)))
    (if (i32.eq (local.get $letter) (i32.const 109)) (then (call $take_memory) (return))) ;; "m"
    (if (i32.eq (local.get $letter) (i32.const 116)) (then (unreachable))) ;; "t"
    (if (i32.eq (local.get $letter) (i32.const 101)) (then (call $exit (i32.const 3)))) ;; "e"
    (if (i32.eq (local.get $letter) (i32.const 111)) (then (call $proxy) (return))) ;; "o"
    (if (i32.eq (local.get $letter) (i32.const 104)) ;; "h"
      (then (call $respond (i32.const 200) (i32.const 1)) (unreachable)))
    (call $respond (i32.const 200) (i32.const 0))
    (if (i32.eq (local.get $letter) (i32.const 98)) (then (call $spin))))) ;; "b"
