;; All that a request may leave in a component: memories, globals that nothing exports, of modules with a memory, with an
;; imported one and with none, a global of a module without code, and handles. The log gets a character for each, which is
;; the same for each request of an instance that is as new.
;;= state: TABLE= ELEMENT= DATA= WRITES=(i32.const\ 1) END=
;;= state-traps: TABLE= ELEMENT= DATA= WRITES=(i32.const\ 1) END=unreachable
;;= state-grows-table: TABLE=(table\ $t\ 1\ 9\ funcref) ELEMENT= DATA= WRITES=(table.grow\ (ref.null\ func)\ (i32.const\ 1)) END=
;;= state-writes-table: TABLE=(table\ $t\ 1\ 9\ funcref) ELEMENT= DATA= WRITES=(ref.is_null\ (table.get\ (i32.const\ 0)))(table.set\ (i32.const\ 0)\ (ref.func\ $run)) END=
;;= state-drops-data: TABLE= ELEMENT= DATA=(data\ $d\ "x") WRITES=(memory.init\ $d\ (i32.const\ 2000)\ (i32.const\ 0)\ (i32.const\ 1))(data.drop\ $d)(i32.const\ 1) END=
;;= state-drops-elements: TABLE=(table\ $t\ 1\ 9\ funcref) ELEMENT=(elem\ $e\ func\ $run) DATA= WRITES=(table.init\ $e\ (i32.const\ 0)\ (i32.const\ 0)\ (i32.const\ 1))(elem.drop\ $e)(i32.const\ 1) END=
(component
  (import "fastly:compute/types@0.1.0" (instance $types
    (type $o (enum "invalid-syntax" "name-too-long" "reserved" "not-found" "unsupported"
      "limit-exceeded" "generic-error"))
    (export "open-error" (type (eq $o)))))
  (alias export $types "open-error" (type $open-error))
  (import "fastly:compute/log@0.1.0" (instance $log
    (alias outer 1 $open-error (type $o))
    (export "open-error" (type $open-error (eq $o)))
    (export "endpoint" (type $endpoint (sub resource)))
    (export "[static]endpoint.open" (func (param "name" string)
      (result (result (own $endpoint) (error $open-error)))))
    (export "[method]endpoint.write" (func (param "self" (borrow $endpoint))
      (param "msg" (list u8))))))
  (core module $libc
    (memory (export "memory") 1 64)
    (global $count (mut i32) (i32.const 0))
    (data (i32.const 0) "state")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "count") (result i32)
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (global.get $count)))
  (core module $importing
    (import "libc" "memory" (memory 1))
    (global $count (mut i32) (i32.const 0))
    (func (export "count") (result i32)
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (global.get $count))
    (func (export "cell") (result i32)
      (i32.store8 (i32.const 60000) (i32.add (i32.load8_u (i32.const 60000)) (i32.const 1)))
      (i32.load8_u (i32.const 60000)))
    (func (export "grow") (result i32) (memory.grow (i32.const 1)))
    (func (export "added") (result i32)
      (i32.store8 (i32.const 66000) (i32.add (i32.load8_u (i32.const 66000)) (i32.const 1)))
      (i32.load8_u (i32.const 66000))))
  (core module $plain
    (global $count (mut i64) (i64.const 0))
    (global $sum (mut f64) (f64.const 0))
    (func (export "count") (result i32)
      (global.set $count (i64.add (global.get $count) (i64.const 1)))
      (i32.wrap_i64 (global.get $count)))
    (func (export "sum") (result i32)
      (global.set $sum (f64.add (global.get $sum) (f64.const 1)))
      (i32.trunc_f64_s (global.get $sum))))
  (core module $variable
    (global (export "count") (mut i32) (i32.const 0)))
  (core instance $libc (instantiate $libc))
  (core instance $importing (instantiate $importing (with "libc" (instance $libc))))
  (core instance $plain (instantiate $plain))
  (core instance $variable (instantiate $variable))
  (type $thing (resource (rep i32)))
  (core func $new (canon resource.new $thing))
  (core func $open (canon lower (func $log "[static]endpoint.open")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $write (canon lower (func $log "[method]endpoint.write")
    (memory (core memory $libc "memory"))))
  (core module $main
    (import "libc" "memory" (memory 1))
    (import "libc" "count" (func $libc-count (result i32)))
    (import "importing" "count" (func $importing-count (result i32)))
    (import "importing" "cell" (func $cell (result i32)))
    (import "importing" "grow" (func $grow (result i32)))
    (import "importing" "added" (func $added (result i32)))
    (import "plain" "count" (func $plain-count (result i32)))
    (import "plain" "sum" (func $plain-sum (result i32)))
    (import "variable" "count" (global $variable (mut i32)))
    (import "resource" "new" (func $new (param i32) (result i32)))
    (import "log" "open" (func $open (param i32 i32 i32)))
    (import "log" "write" (func $write (param i32 i32 i32)))
    (global $at (mut i32) (i32.const 200))
    TABLE
    ELEMENT
    DATA
    (func $tell (param i32)
      (i32.store8 (global.get $at) (i32.add (i32.const 48) (local.get 0)))
      (global.set $at (i32.add (global.get $at) (i32.const 1))))
    (func $run (export "run") (result i32)
      (call $tell (call $libc-count))
      (call $tell (call $importing-count))
      (call $tell (call $cell))
      (call $tell (call $grow))
      (call $tell (call $added))
      (call $tell (call $plain-count))
      (call $tell (call $plain-sum))
      (global.set $variable (i32.add (global.get $variable) (i32.const 1)))
      (call $tell (global.get $variable))
      (call $tell (call $new (i32.const 7)))
      (call $tell (call $new (i32.const 8)))
      (call $open (i32.const 0) (i32.const 5) (i32.const 64))
      (call $tell (i32.load (i32.const 68)))
      (call $tell (i32.sub (global.get $at) (i32.const 200)))
      (call $tell WRITES)
      (call $write (i32.load (i32.const 68)) (i32.const 200) (i32.const 13))
      END
      (i32.const 0)))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "importing" (instance $importing))
    (with "plain" (instance $plain))
    (with "variable" (instance $variable))
    (with "resource" (instance (export "new" (func $new))))
    (with "log" (instance (export "open" (func $open)) (export "write" (func $write))))))
  (func $lifted (result (result)) (canon lift (core func $main "run")))
  (instance $exported (export "run" (func $lifted)))
  (export "wasi:cli/run@0.2.6" (instance $exported)))
