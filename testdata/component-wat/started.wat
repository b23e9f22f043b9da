;; A component that is to be started with a function of the component model: there are none in the world.
;;= start:
(component
  (core module $main (func (export "go")))
  (core instance $main (instantiate $main))
  (func $go (canon lift (core func $main "go")))
  (start $go))
