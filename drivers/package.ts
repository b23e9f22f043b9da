/** Milliseconds after which a package that is not there yet is worth a line. */
const LONG = 300;

/** Options of {@linkcode loadPackage}. */
interface LoadPackageOptions {
  /** What needs it, in words behind "for": `the first image`. */
  readonly use: string;
  /** Takes one line when the package takes long to come, as it does when it is downloaded. By default nobody is told. */
  readonly tell?: ((line: string) => void) | undefined;
}

/**
 * Loads a package of npm when it is first used. Deno downloads what a module imports by a literal when the program
 * starts, used or not; the import in the other module has none.
 *
 * @param specifier Package and exact version, as `npm:sharp@0.35.5`.
 * @returns The package's module.
 * @throws {Error} If it is not there and cannot be downloaded; the message says what to do.
 */
export async function loadPackage<M>(
  specifier: `npm:${string}@${string}`,
  { use, tell }: LoadPackageOptions,
): Promise<M> {
  if (Deno.build.standalone) {
    const advice = "run fastlike under Deno, as the npm package does";
    throw new Error(`Cannot load ${specifier} for ${use}: compiled programs have none; ${advice}`);
  }
  const line = `Downloading ${specifier} for ${use}: later starts have it`;
  const late = setTimeout(() => tell?.(line), LONG);
  try {
    const { load } = await import("data:text/javascript,export const load = (s) => import(s);");
    return await load(specifier);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0]! : String(cause);
    const advice = `run "deno cache ${specifier}" where there is a network`;
    throw new Error(`Cannot load ${specifier} for ${use}: ${reason}: ${advice}`, { cause });
  } finally {
    clearTimeout(late);
  }
}
