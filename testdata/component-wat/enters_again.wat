;; A component calls one in it, which calls the first again.
;;= enters-again:
(component
  (core module $table
    (table (export "table") 1 funcref)
    (func (export "back") (call_indirect (i32.const 0))))
  (core instance $table (instantiate $table))
  (func $back (canon lift (core func $table "back")))
  (component $inner
    (import "back" (func $back))
    (core func $back' (canon lower (func $back)))
    (core module $main
      (import "outer" "back" (func $back))
      (func (export "go") (call $back)))
    (core instance $main
      (instantiate $main (with "outer" (instance (export "back" (func $back'))))))
    (func (export "go") (canon lift (core func $main "go"))))
  (instance $inner (instantiate $inner (with "back" (func $back))))
  (core func $go (canon lower (func $inner "go")))
  (core module $main
    (import "inner" "go" (func $go))
    (func (export "run") (result i32) (call $go) (i32.const 0)))
  (core instance $main
    (instantiate $main (with "inner" (instance (export "go" (func $go))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $exported (export "run" (func $run)))
  (export "wasi:cli/run@0.2.6" (instance $exported)))
