;; Writes to its standard output, a log endpoint and its standard error by turns.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "fastly_log" "endpoint_get" (func $endpoint (param i32 i32 i32) (result i32)))
  (import "fastly_log" "write" (func $log (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "one\ntwo")
  (data (i32.const 80) "three\n\n")
  (data (i32.const 96) "four")
  (data (i32.const 112) "events")
  (data (i32.const 128) "a record")

  (func $print (param $fd i32) (param $at i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))

  (func $_start (export "_start")
    (call $print (i32.const 1) (i32.const 64) (i32.const 7))
    (drop (call $endpoint (i32.const 112) (i32.const 6) (i32.const 16)))
    (drop (call $log (i32.load (i32.const 16)) (i32.const 128) (i32.const 8) (i32.const 20)))
    (call $print (i32.const 1) (i32.const 80) (i32.const 7))
    (call $print (i32.const 2) (i32.const 96) (i32.const 4))))
