;; Lists that overlap: a component passes another one texts, bytes or numbers of far more bytes than its memory has.
;;= lists-texts: TYPE=string COUNT=(i32.const\ 8192)
;;= lists-bytes: TYPE=(list\ u8) COUNT=(i32.const\ 8192)
;;= lists-truths: TYPE=bool COUNT=(i32.const\ 4000000)
;;= lists-pairs: TYPE=(tuple\ bool\ bool) COUNT=(i32.const\ 2000000)
;;= lists-fit: TYPE=string COUNT=(i32.const\ 200)
(component
  (component $taking
    (core module $main
      (memory (export "memory") 1 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
      (func (export "take") (param i32 i32)))
    (core instance $main (instantiate $main))
    (func (export "take") (param "all" (list TYPE)) (canon lift (core func $main "take")
      (memory (core memory $main "memory")) (realloc (core func $main "realloc")))))
  (instance $taking (instantiate $taking))
  (core module $libc
    (memory (export "memory") 64 64))
  (core instance $libc (instantiate $libc))
  (core func $take (canon lower (func $taking "take") (memory (core memory $libc "memory"))))
  (core module $main
    (import "libc" "memory" (memory 64))
    (import "taking" "take" (func $take (param i32 i32)))
    (func (export "run") (result i32)
      (local $at i32)
      ;; From 65536 on there are addresses and lengths: of the first 65536 bytes each.
      (local.set $at (i32.const 65536))
      (loop $next
        (i32.store offset=4 (local.get $at) (i32.const 65536))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $next (i32.lt_u (local.get $at) (i32.const 131072))))
      (call $take (i32.const 65536) COUNT)
      (i32.const 0)))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc)) (with "taking" (instance (export "take" (func $take))))))
  (func $lifted (result (result)) (canon lift (core func $main "run")))
  (instance $exported (export "run" (func $lifted)))
  (export "wasi:cli/run@0.2.6" (instance $exported)))
