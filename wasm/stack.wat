;; Loop in which a guest runs again and again on one suspended stack; see stack.ts. The guest's start is in a table while
;; it runs, and nowhere else: V8 keeps what `call_ref` has called for long. What the guest throws goes to `failed`.
(module
  (type $start (func))
  (type $next (func (result funcref)))
  (type $failed (func (param externref)))
  (import "" "next" (func $next (type $next)))
  (import "" "failed" (func $failed (type $failed)))
  (import "" "js" (tag $js (type $failed)))
  (table $table 1 funcref)
  (func $fastlike.loop (export "run")
    (block $over
      (loop $again
        (block $returned
          (call $failed
            (block $thrown (result externref)
              (try_table (catch $js $thrown)
                (table.set $table (i32.const 0) (ref.null func))
                (table.set $table (i32.const 0) (call $next))
                (br_if $over (ref.is_null (table.get $table (i32.const 0))))
                (call_indirect $table (type $start) (i32.const 0)))
              (br $returned))))
        (br $again)))))
