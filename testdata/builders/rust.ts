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
  const project = toPath(new URL(`${guest}/`, TESTDATA));
  const targetDir = Deno.env.get("CARGO_TARGET_DIR") ?? `${project}/target`;

  await run(guest, "cargo", ["--version"]);
  await requireTarget(guest);

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
  await run(guest, "cargo", ["build", "--release", "--locked", "--target", TARGET], {
    cwd: project,
    // The encoded form takes paths with spaces in them.
    env: { CARGO_TARGET_DIR: targetDir, CARGO_ENCODED_RUSTFLAGS: flags.join("\x1f") },
  });

  await Deno.mkdir(BUILT, { recursive: true });
  // Not copyFile: cargo marks the module executable, and the copy would be too.
  const module = await Deno.readFile(`${targetDir}/${TARGET}/release/${guest}.wasm`);
  await Deno.writeFile(new URL(`${guest}.wasm`, BUILT), module, { mode: 0o644 });
}

/** Asks rustc rather than rustup: distributions ship targets without rustup. */
async function requireTarget(guest: string): Promise<void> {
  const args = ["--print", "target-libdir", "--target", TARGET];
  const libraries = (await run(guest, "rustc", args)).trim();
  try {
    await Deno.stat(libraries);
  } catch {
    throw new Error(
      `Cannot build ${guest}: Rust target ${TARGET} is not installed ` +
        `(rustup target add ${TARGET})`,
    );
  }
}

function cargoHome(): string {
  const home = Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE") ?? "";
  return Deno.env.get("CARGO_HOME") ?? `${home}/.cargo`;
}
