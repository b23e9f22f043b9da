import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Flags of Deno. The package's own files say all that there is to say: no deno.json and no lock file of the folder that it
 * is started in. Packages that few starts need are downloaded when they are used.
 */
const FLAGS = ["--quiet", "--no-config", "--no-lock", "--no-check", "--node-modules-dir=none"];
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"];

/**
 * Runs the command line under the Deno of npm's package `deno`, with this process's streams. This process ends as that
 * one does.
 *
 * @param {readonly string[]} args Arguments of the command line.
 * @param {string} [name] Name that it is started under; `viceroy` changes some defaults.
 */
export function run(args, name = "fastlike") {
  const path = fileURLToPath(new URL("./lib/cli.js", import.meta.url));
  const deno = denoPath();
  const command = ["run", "-A", ...FLAGS, path, ...args];
  const env = { ...process.env, FASTLIKE_NAME: name };
  // Takes this process's place where node can: there is one process less, and nothing to pass on.
  if (process.execve && process.platform !== "win32") {
    return process.execve(deno, [name, ...command], env);
  }
  const child = spawn(deno, command, { argv0: name, env, stdio: "inherit" });
  // A terminal sends its signals to both; those of others are passed on.
  for (const signal of SIGNALS) {
    if (signal in constants.signals) process.on(signal, () => child.kill(signal));
  }
  child.on("error", (error) => fail(`Cannot start Deno: ${error.message}`));
  child.on("exit", (code, signal) => {
    if (!signal) return process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** Returns the path of Deno's executable, which is a package of its own for each platform: no install script is needed. */
function denoPath() {
  const { platform, arch } = process;
  const target = `${platform}-${arch}${platform === "linux" ? "-glibc" : ""}`;
  try {
    const deno = createRequire(createRequire(import.meta.url).resolve("deno/package.json"));
    const folder = dirname(deno.resolve(`@deno/${target}/package.json`));
    return join(folder, platform === "win32" ? "deno.exe" : "deno");
  } catch {
    return fail(
      `Cannot find Deno for ${platform} on ${arch}: install fastlike again without --omit=optional, ` +
        "or on a platform that the package deno has",
    );
  }
}

/** @param {string} message */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
