;; Asks for a text of the host, for which it allocates in a way that is not allowed.
;;= allocator-traps: REALLOC=unreachable
;;= allocator-far: REALLOC=(i32.const\ 0x7ffffff0)
;;= allocator-odd: REALLOC=(i32.const\ 5)
;;= allocator-calls: REALLOC=(call_indirect\ (type\ $calls)\ (i32.const\ 0))(i32.const\ 64)
;;= allocator-spins: REALLOC=(loop\ $again\ (br\ $again))(i32.const\ 64)
(component
  (import "wasi:cli/environment@0.2.6" (instance $environment
    (export "get-arguments" (func (result (list string))))
    (export "initial-cwd" (func (result (option string))))))
  (core module $libc
    (type $calls (func))
    (memory (export "memory") 1)
    (table (export "table") 1 funcref)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) REALLOC))
  (core instance $libc (instantiate $libc))
  (core func $arguments (canon lower (func $environment "get-arguments")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $cwd (canon lower (func $environment "initial-cwd")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core module $main
    (import "libc" "table" (table 1 funcref))
    (import "host" "arguments" (func $arguments (param i32)))
    (import "host" "cwd" (func $cwd (param i32)))
    (func $calls (call $cwd (i32.const 128)))
    (elem (i32.const 0) $calls)
    (func (export "run") (result i32)
      (call $arguments (i32.const 256))
      (i32.const 0)))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "host" (instance (export "arguments" (func $arguments)) (export "cwd" (func $cwd))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $exported (export "run" (func $run)))
  (export "wasi:cli/run@0.2.6" (instance $exported)))
