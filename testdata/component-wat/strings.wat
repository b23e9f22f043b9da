;; Looks up a text in a config store, and writes its bytes to a log endpoint, as they are in its memory.
;;= utf16: ENCODING=utf16 SETTINGS="s\00e\00t\00" KEY="\35\26" NAME="l\00\e9\00\35\26" SETTINGS_LENGTH=3 KEY_LENGTH=1 NAME_LENGTH=3
;;= latin1: ENCODING=latin1+utf16 SETTINGS="set" KEY="\35\26" NAME="l\e9" SETTINGS_LENGTH=3 KEY_LENGTH=0x80000001 NAME_LENGTH=2
;;= latin1-only: ENCODING=latin1+utf16 SETTINGS="latin" KEY="\35\26" NAME="l\e9" SETTINGS_LENGTH=5 KEY_LENGTH=0x80000001 NAME_LENGTH=2
;;= surrogate: ENCODING=utf16 SETTINGS="\00\d8\00\00" KEY="k\00" NAME="n\00" SETTINGS_LENGTH=2 KEY_LENGTH=1 NAME_LENGTH=1
;;= odd: ENCODING=utf8 SETTINGS="\ff" KEY="k" NAME="n" SETTINGS_LENGTH=1 KEY_LENGTH=1 NAME_LENGTH=1
(component
  (import "fastly:compute/types@0.1.0" (instance $types
    (type $e (variant (case "generic-error") (case "invalid-argument") (case "auxiliary-error")
      (case "buffer-len" u64) (case "unsupported") (case "http-invalid") (case "http-user")
      (case "http-incomplete") (case "cannot-read") (case "http-head-too-large")
      (case "http-invalid-status") (case "limit-exceeded")))
    (export "error" (type (eq $e)))
    (type $o (enum "invalid-syntax" "name-too-long" "reserved" "not-found" "unsupported"
      "limit-exceeded" "generic-error"))
    (export "open-error" (type (eq $o)))))
  (alias export $types "error" (type $error))
  (alias export $types "open-error" (type $open-error))
  (import "fastly:compute/config-store@0.1.0" (instance $config
    (alias outer 1 $error (type $e))
    (export "error" (type $error (eq $e)))
    (alias outer 1 $open-error (type $o))
    (export "open-error" (type $open-error (eq $o)))
    (export "store" (type $store (sub resource)))
    (export "[static]store.open" (func (param "name" string)
      (result (result (own $store) (error $open-error)))))
    (export "[method]store.get" (func (param "self" (borrow $store)) (param "key" string)
      (param "max-len" u64) (result (result (option string) (error $error)))))))
  (import "fastly:compute/log@0.1.0" (instance $log
    (alias outer 1 $open-error (type $o))
    (export "open-error" (type $open-error (eq $o)))
    (export "endpoint" (type $endpoint (sub resource)))
    (export "[static]endpoint.open" (func (param "name" string)
      (result (result (own $endpoint) (error $open-error)))))
    (export "[method]endpoint.write" (func (param "self" (borrow $endpoint))
      (param "msg" (list u8))))))
  (core module $libc
    (memory (export "memory") 2)
    (global $at (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $start i32)
      (local.set $start (i32.and
        (i32.add (global.get $at) (i32.sub (local.get 2) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get 2))))
      (global.set $at (i32.add (local.get $start) (local.get 3)))
      (local.get $start))
    (data (i32.const 0) SETTINGS)
    (data (i32.const 32) KEY)
    (data (i32.const 64) NAME))
  (core instance $libc (instantiate $libc))
  (core module $main
    (import "libc" "memory" (memory 2))
    (import "config" "open" (func $open (param i32 i32 i32)))
    (import "config" "get" (func $get (param i32 i32 i32 i64 i32)))
    (import "log" "open" (func $log-open (param i32 i32 i32)))
    (import "log" "write" (func $log-write (param i32 i32 i32)))
    (func (export "run") (result i32)
      (local $length i32)
      (call $open (i32.const 0) (i32.const SETTINGS_LENGTH) (i32.const 128))
      (if (i32.load8_u (i32.const 128)) (then (return (i32.const 1))))
      (call $get (i32.load (i32.const 132)) (i32.const 32) (i32.const KEY_LENGTH) (i64.const 1000)
        (i32.const 160))
      (if (i32.load8_u (i32.const 160)) (then (return (i32.const 1))))
      (if (i32.eqz (i32.load8_u (i32.const 168))) (then (return (i32.const 1))))
      (call $log-open (i32.const 64) (i32.const NAME_LENGTH) (i32.const 192))
      (if (i32.load8_u (i32.const 192)) (then (return (i32.const 1))))
      ;; Up to 16 bytes, which are more than the text: what is behind it is 0.
      (call $log-write (i32.load (i32.const 196)) (i32.load (i32.const 172)) (i32.const 16))
      ;; And the length, as it came.
      (call $log-write (i32.load (i32.const 196)) (i32.const 176) (i32.const 4))
      (i32.const 0)))
  (core func $open (canon lower (func $config "[static]store.open")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc")) string-encoding=ENCODING))
  (core func $get (canon lower (func $config "[method]store.get")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc")) string-encoding=ENCODING))
  (core func $log-open (canon lower (func $log "[static]endpoint.open")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc")) string-encoding=ENCODING))
  (core func $log-write (canon lower (func $log "[method]endpoint.write")
    (memory (core memory $libc "memory"))))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "config" (instance (export "open" (func $open)) (export "get" (func $get))))
    (with "log" (instance (export "open" (func $log-open)) (export "write" (func $log-write))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $exported (export "run" (func $run)))
  (export "wasi:cli/run@0.2.6" (instance $exported)))
