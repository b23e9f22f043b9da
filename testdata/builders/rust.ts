// Builds the two Rust guests: `rust` (the SDK of today) and `rust-2020` (October 2020).

import { BUILT, run, TESTDATA, toPath } from "./common.ts";

const TARGET = "wasm32-wasip1";

export async function build(): Promise<void> {
  await buildGuest("rust");
}

export async function build2020(): Promise<void> {
  await buildGuest("rust-2020");
}

async function buildGuest(guest: string): Promise<void> {
  await buildCargo(guest, TARGET, guest, toPath(new URL(`${guest}/`, TESTDATA)), BUILT);
}

/** Builds a project; `artifact` is what cargo calls the module, without its suffix. */
export async function buildCargo(
  guest: string,
  target: string,
  artifact: string,
  project: string,
  built: URL,
): Promise<void> {
  await run(guest, "cargo", ["--version"]);
  await requireTarget(guest, target);
  const env = await cargoEnvironment(guest, project);
  await run(guest, "cargo", ["build", "--release", "--locked", "--target", target], {
    cwd: project,
    env,
  });

  await Deno.mkdir(built, { recursive: true });
  // Not copyFile: cargo marks the module executable, and the copy would be too.
  const module = await Deno.readFile(`${env.CARGO_TARGET_DIR}/${target}/release/${artifact}.wasm`);
  await Deno.writeFile(new URL(`${guest}.wasm`, built), module, { mode: 0o644 });
}

/** Folder of all that cargo builds: one for all guests, which share the crates that run at build time. */
export function cargoTarget(): string {
  return Deno.env.get("CARGO_TARGET_DIR") ?? toPath(new URL("target/", TESTDATA));
}

/** Returns the variables that a project is built with. Builds with the same variables share compiled crates. */
export async function cargoEnvironment(
  guest: string,
  project: string,
): Promise<{ CARGO_TARGET_DIR: string; CARGO_ENCODED_RUSTFLAGS: string }> {
  const targetDir = cargoTarget();
  // Panic messages carry source paths. Mapped to fixed names, so that the committed modules do
  // not tell where they were built.
  const sysroot = (await run(guest, "rustc", ["--print", "sysroot"])).trim();
  const remaps = [
    [cargoHome(), "/cargo"],
    [sysroot, "/sysroot"],
    [project, "/guest"],
    [targetDir, "/target"],
  ];
  const flags = remaps.map(([from, to]) => `--remap-path-prefix=${from}=${to}`);
  // The encoded form takes paths with spaces in them.
  return { CARGO_TARGET_DIR: targetDir, CARGO_ENCODED_RUSTFLAGS: flags.join("\x1f") };
}

/** Asks rustc rather than rustup: distributions ship targets without rustup. */
async function requireTarget(guest: string, target: string): Promise<void> {
  const args = ["--print", "target-libdir", "--target", target];
  const libraries = (await run(guest, "rustc", args)).trim();
  try {
    await Deno.stat(libraries);
  } catch {
    throw new Error(
      `Cannot build ${guest}: Rust target ${target} is not installed ` +
        `(rustup target add ${target})`,
    );
  }
}

function cargoHome(): string {
  const home = Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE") ?? "";
  return Deno.env.get("CARGO_HOME") ?? `${home}/.cargo`;
}
