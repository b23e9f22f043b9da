/** Error that ends a guest which breaks a rule of the component model. The message is one line for the log. */
class Trap extends Error {
  override name = "Trap";
}

/** Throws a {@linkcode Trap}; usable as an expression. */
export function trap(message: string): never {
  throw new Trap(message);
}

/** Error for a component that the host cannot read. The message completes "Cannot load the program: ". */
export class MalformedComponent extends Error {
  override name = "MalformedComponent";
}
