;; Calls an import no host knows.
(module
  (import "some_module" "some_function" (func $some_function (param i32) (result i32)))
  (memory (export "memory") 1)
  (func $_start (export "_start")
    (drop (call $some_function (i32.const 1)))))
