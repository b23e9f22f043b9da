;; Passes an imported function on; see host_function.ts.
(module
  (import "" "run" (func $run))
  (export "run" (func $run)))
