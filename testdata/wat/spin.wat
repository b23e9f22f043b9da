;; Never returns and never calls the host.
(module
  (memory (export "memory") 1)
  (func $_start (export "_start")
    (loop $again
      (br $again))))
