;; Restores the dirty pages of a memory, and clears their marks; see instance_memory.ts. Its loop over dozens of runs of
;; pages, in some guests a thousand, takes a fraction of what the calls of typed arrays for it take (bench/cost.ts). Sums are of 64 bits, since a
;; memory may end at 4 GiB.
(module
  (import "" "memory" (memory $memory 0))
  (import "" "control" (memory $control 0))
  (import "" "snapshot" (memory $snapshot 0))
  (import "" "bits" (global $bits i32)) ;; binary logarithm of the size of a dirty page
  (import "" "near" (global $near i32)) ;; bytes before a dirty page that are restored with it
  (import "" "spill" (global $spill i32)) ;; bytes after it

  (func (export "restore") (local $page i32) (local $pages i32) (local $first i32) (local $word i64)
    (local.set $pages
      (i32.shl (memory.size $memory) (i32.sub (i32.const 16) (global.get $bits))))
    (block $over
      (loop $next
        (br_if $over (i32.ge_u (local.get $page) (local.get $pages)))
        (if
          (i32.eqz
            (v128.any_true
              (v128.or
                (v128.load $control (local.get $page))
                (v128.load $control offset=16 (local.get $page)))))
          (then
            (local.set $page (i32.add (local.get $page) (i32.const 32)))
            (br $next)))
        (local.set $word (i64.load $control (local.get $page)))
        (if (i64.eqz (local.get $word))
          (then
            (local.set $page (i32.add (local.get $page) (i32.const 8)))
            (br $next)))
        (local.set $first
          (i32.add (local.get $page)
            (i32.wrap_i64 (i64.shr_u (i64.ctz (local.get $word)) (i64.const 3)))))
        (local.set $page (call $clear (local.get $first) (local.get $pages)))
        (call $restoreRun (local.get $first) (local.get $page))
        (local.set $page (i32.and (local.get $page) (i32.const -8)))
        (br $next))))

  ;; Clears the marks of a run of pages, of 2 GiB at most, and returns its end.
  (func $clear (param $page i32) (param $pages i32) (result i32) (local $most i32)
    (local.set $most
      (i32.add (local.get $page)
        (i32.shl (i32.const 1) (i32.sub (i32.const 31) (global.get $bits)))))
    (loop $next
      (i32.store8 $control (local.get $page) (i32.const 0))
      (local.set $page (i32.add (local.get $page) (i32.const 1)))
      (br_if $next
        (i32.and
          (i32.and
            (i32.lt_u (local.get $page) (local.get $pages))
            (i32.lt_u (local.get $page) (local.get $most)))
          (i32.load8_u $control (local.get $page)))))
    (local.get $page))

  ;; Restores the pages of a run, with the bytes around them: from the snapshot, and with zeros beyond its end.
  (func $restoreRun (param $first i32) (param $end i32)
    (local $from i64) (local $middle i64) (local $to i64)
    (local.set $from (call $offset (local.get $first)))
    (local.set $from
      (i64.sub (local.get $from)
        (call $min (local.get $from) (i64.extend_i32_u (global.get $near)))))
    (local.set $to
      (call $min
        (i64.add (call $offset (local.get $end)) (i64.extend_i32_u (global.get $spill)))
        (i64.shl (i64.extend_i32_u (memory.size $memory)) (i64.const 16))))
    (local.set $middle
      (call $min
        (local.get $to)
        (i64.shl (i64.extend_i32_u (memory.size $snapshot)) (i64.const 16))))
    (if (i64.gt_u (local.get $middle) (local.get $from))
      (then
        (memory.copy $memory $snapshot
          (i32.wrap_i64 (local.get $from))
          (i32.wrap_i64 (local.get $from))
          (i32.wrap_i64 (i64.sub (local.get $middle) (local.get $from))))
        (local.set $from (local.get $middle))))
    (if (i64.gt_u (local.get $to) (local.get $from))
      (then
        (memory.fill $memory
          (i32.wrap_i64 (local.get $from))
          (i32.const 0)
          (i32.wrap_i64 (i64.sub (local.get $to) (local.get $from)))))))

  ;; Offset of a page's first byte.
  (func $offset (param $page i32) (result i64)
    (i64.shl (i64.extend_i32_u (local.get $page)) (i64.extend_i32_u (global.get $bits))))

  (func $min (param $one i64) (param $other i64) (result i64)
    (select
      (local.get $one)
      (local.get $other)
      (i64.lt_u (local.get $one) (local.get $other)))))
