;; Code and tables that run or are filled while it is instantiated, and names that mean something in JavaScript.
;;= start-traps: MORE=(start\ $trap)
;;= start-spins: MORE=(start\ $spin)
;;= elements-far: MORE=(elem\ (i32.const\ 7)\ $trap)
;;= data-far: MORE=(data\ (i32.const\ 65536)\ "a")
;;= names: MORE=
(component
  (core module $other
    (func (export "__proto__") (result i32) (i32.const 0))
    (func (export "constructor") (result i32) (i32.const 0)))
  (core instance $other (instantiate $other))
  (core instance $renamed
    (export "__proto__" (func $other "constructor"))
    (export "toString" (func $other "__proto__")))
  (core module $main
    (import "__proto__" "__proto__" (func $proto (result i32)))
    (import "__proto__" "toString" (func $text (result i32)))
    (import "constructor" "constructor" (func $constructor (result i32)))
    (memory 1)
    (table 1 funcref)
    (func $trap unreachable)
    (func $spin (loop $again (br $again)))
    (func (export "__proto__") (result i32)
      (i32.or (i32.or (call $proto) (call $text)) (call $constructor)))
    MORE)
  (core instance $main (instantiate $main
    (with "__proto__" (instance $renamed))
    (with "constructor" (instance $other))))
  (func $run (result (result)) (canon lift (core func $main "__proto__")))
  (instance $exported (export "run" (func $run)))
  (export "wasi:cli/run@0.2.6" (instance $exported)))
