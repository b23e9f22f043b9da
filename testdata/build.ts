// Builds the test guests into `testdata/built`:
//
//   deno run -A testdata/build.ts [name...]
//
// Without names all of them. A guest that cannot be built (a missing toolchain, say) does not keep
// the others from being built, but the exit status is 1.

/** Says why a guest is not built where that is no failure. */
type Build = () => Promise<string | undefined | void>;

// Imported on demand: building one guest must not need what the others need.
const BUILDERS: Record<string, () => Promise<Build>> = {
  "wat": async () => (await import("./builders/wat.ts")).build,
  "rust": async () => (await import("./builders/rust.ts")).build,
  "rust-2020": async () => (await import("./builders/rust.ts")).build2020,
  "rust-component": async () => (await import("./builders/rust_component.ts")).build,
  "component-wat": async () => (await import("./builders/component_wat.ts")).build,
  "rust-calls": async () => (await import("./builders/rust_calls.ts")).build,
  "python": async () => (await import("./builders/python.ts")).build,
  "assemblyscript": async () => (await import("./builders/assemblyscript.ts")).build,
  "go": async () => (await import("./builders/go.ts")).build,
  "javascript": async () => (await import("./builders/javascript.ts")).build,
};

async function buildOne(name: string): Promise<boolean> {
  const load = Object.hasOwn(BUILDERS, name) ? BUILDERS[name] : undefined;
  if (load === undefined) {
    const known = Object.keys(BUILDERS).join(", ");
    await print(Deno.stderr, `Cannot build ${name}: there is no such guest, only ${known}`);
    return false;
  }
  try {
    const build = await load();
    const skipped = await build();
    if (skipped !== undefined) {
      await print(Deno.stdout, `Did not build ${name}: ${skipped}`);
      return true;
    }
  } catch (error) {
    await print(Deno.stderr, describe(name, error));
    return false;
  }
  await print(Deno.stdout, `Built ${name}`);
  return true;
}

/** Straight to the stream: the project's lint rules leave no `console`. */
async function print(stream: { writable: WritableStream<Uint8Array> }, line: string) {
  const writer = stream.writable.getWriter();
  await writer.write(new TextEncoder().encode(line + "\n"));
  writer.releaseLock();
}

function describe(name: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = message.startsWith("Cannot build") ? message : `Cannot build ${name}: ${message}`;
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error ? `${line} (${cause.message.trim()})` : line;
}

/** Builds guests one after another; tells whether all could be built. */
async function buildAll(names: readonly string[]): Promise<boolean> {
  let all = true;
  for (const name of names) all = await buildOne(name) && all;
  return all;
}

const names = Deno.args.length > 0 ? Deno.args : Object.keys(BUILDERS);
const byCargo = (name: string) => name.startsWith("rust") || name === "component-wat";
// Cargo has one build at a time in its folder; the other tools take one processor each.
const built = await Promise.all([
  buildAll(names.filter(byCargo)),
  buildAll(names.filter((name) => !byCargo(name))),
]);
if (!built.every(Boolean)) Deno.exit(1);
