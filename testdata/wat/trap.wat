;; Traps in a named function below _start.
(module
  (memory (export "memory") 1)
  (func $explode
    (unreachable))
  (func $_start (export "_start")
    (call $explode)))
