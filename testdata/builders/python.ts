// Builds the Python guests: Fastly's SDK with Flask and with Bottle. They need Python 3.12 or newer.

import { BUILT, run, TESTDATA, toPath } from "./common.ts";

const PYTHONS = ["python3.13", "python3.12", "python3.14", "python3"];
const LEAST = [3, 12] as const;
const MISSING = "it needs Python 3.12 or newer with its venv module: on Debian 13 install " +
  "python3.13-venv, elsewhere let the variable PYTHON name such a Python";

/** Builds the guest; says why not if there is no Python for it. */
export async function build(): Promise<string | undefined> {
  const python = await findPython();
  if (python === undefined) return MISSING;
  const project = toPath(new URL("python/", TESTDATA));
  const venv = `${project}/.venv`;
  try {
    await run("python", python, ["-m", "venv", venv]);
  } catch {
    return MISSING;
  }
  const requirements = `${project}/requirements.txt`;
  await run("python", `${venv}/bin/pip`, ["install", "--quiet", "--requirement", requirements]);
  await Deno.mkdir(BUILT, { recursive: true });
  for (const [entry, name] of [["main", "python"], ["bottle_main", "python-bottle"]] as const) {
    const output = toPath(new URL(`${name}.wasm`, BUILT));
    const args = ["build", "--virtualenv", venv, "--entry", entry, "--output", output];
    await run("python", `${venv}/bin/fastly-compute-py`, args, { cwd: project });
  }
  return undefined;
}

async function findPython(): Promise<string | undefined> {
  const named = Deno.env.get("PYTHON");
  for (const python of named === undefined ? PYTHONS : [named]) {
    const version = await run("python", python, ["--version"]).catch(() => "");
    const [, major = 0, minor = 0] = /^Python (\d+)\.(\d+)/.exec(version)?.map(Number) ?? [];
    if (major > LEAST[0] || (major === LEAST[0] && minor >= LEAST[1])) return python;
  }
  return undefined;
}
