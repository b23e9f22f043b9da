import { Id, Writer } from "./rewrite/binary.ts";

const MAGIC = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const FUNCTION = 0;

/** `(module (import "" "" (func)) (export "" (func 0)))` */
function passingModule(): WebAssembly.Module {
  const w = new Writer().byte(...MAGIC);
  w.byte(Id.type).sized((w) => w.byte(1, 0x60, 0, 0));
  w.byte(Id.import).sized((w) => w.byte(1).name("").name("").byte(FUNCTION, 0));
  w.byte(Id.export).sized((w) => w.byte(1).name("").byte(FUNCTION, 0));
  return new WebAssembly.Module(w.take());
}

const MODULE = passingModule();

/** A function of the host that takes and gives nothing, as one of WebAssembly, which a table takes. */
export function hostFunction(run: () => void): CallableFunction {
  const { exports } = new WebAssembly.Instance(MODULE, { "": { "": run } });
  return exports[""] as CallableFunction;
}
