// CommonJS, with one module of node's: a module of ECMAScript takes node 15 ms more to start.
"use strict";
const { dirname, join } = require("node:path");

/**
 * Flags of Deno. The package's own files say all that there is to say: no deno.json and no lock file of the folder that it
 * is started in. Packages that few starts need are downloaded when they are used.
 */
const FLAGS = ["--quiet", "--no-config", "--no-lock", "--no-check", "--node-modules-dir=none"];
/** Milliseconds between two looks at whether npx is still there. */
const LOOK = 200;
const OF_TERMINALS = ["SIGINT", "SIGQUIT", "SIGHUP"];
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"];

/**
 * Runs the command line under the Deno of npm's package `deno`, with this process's streams. This process ends as that
 * one does.
 *
 * @param {readonly string[]} args Arguments of the command line.
 * @param {string} [name] Name that it is started under; `viceroy` changes some defaults.
 */
exports.run = (args, name = "fastlike") => {
  const deno = denoPath();
  const command = ["run", "-A", ...FLAGS, join(__dirname, "lib", "cli.js"), ...args];
  const env = { ...process.env, FASTLIKE_NAME: name };
  const npx = env.npm_lifecycle_event === "npx";
  // Takes this process's place where node can: there is one process less, and nothing to pass on.
  if (process.execve && process.platform !== "win32" && !npx) {
    return process.execve(deno, [name, ...command], env);
  }
  const { spawn } = require("node:child_process");
  const child = spawn(deno, command, { argv0: name, env, stdio: "inherit" });
  // A terminal sends its signals to both, and a second one would end the program at once; those of others are passed on.
  const pass = (signal) => {
    if (!(process.stdin.isTTY && OF_TERMINALS.includes(signal))) child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, pass);
  if (npx) followParent(child);
  child.on("error", (error) => fail(`Cannot start Deno: ${error.message}`));
  child.on("exit", (code, signal) => {
    if (!signal) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
};

/** npx passes signals on to the shell that it starts programs by, which ends and passes none on: this ends with it. */
function followParent(child) {
  const { ppid } = process;
  const timer = setInterval(() => {
    if (process.ppid === ppid) return;
    clearInterval(timer); // a second signal would end it at once
    child.kill("SIGTERM");
  }, LOOK);
}

/** Returns the path of Deno's executable, which is a package of its own for each platform: no install script is needed. */
function denoPath() {
  const { platform, arch } = process;
  const target = `${platform}-${arch}${platform === "linux" ? "-glibc" : ""}`;
  try {
    const paths = [dirname(require.resolve("deno/package.json"))];
    const folder = dirname(require.resolve(`@deno/${target}/package.json`, { paths }));
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
