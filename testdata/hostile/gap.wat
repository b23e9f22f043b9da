;; A GET loads beyond the only page, which traps in a new instance; any other method grows the memory by a page.
(module
  (import "fastly_http_req" "body_downstream_get" (func $downstream (param i32 i32) (result i32)))
  (import "fastly_http_req" "method_get" (func $method (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $downstream (i32.const 0) (i32.const 4)))
    (drop (call $method (i32.load (i32.const 0)) (i32.const 16) (i32.const 16) (i32.const 8)))
    (if (i32.eq (i32.load8_u (i32.const 16)) (i32.const 71)) ;; G
      (then (drop (i32.load (i32.const 70000))))
      (else (drop (memory.grow (i32.const 1)))))))
