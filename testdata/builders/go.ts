// Builds the Go guest.

import { BUILT, run, TESTDATA, toPath } from "./common.ts";

export async function build(): Promise<void> {
  await Deno.mkdir(BUILT, { recursive: true });
  const output = toPath(new URL("go.wasm", BUILT));
  // No `-s`: it drops the name section, which stack traces need. `-w` changes nothing here.
  const flags = ["-trimpath", "-buildvcs=false", "-ldflags=-buildid=", "-o", output];
  await run("go", "go", ["build", ...flags, "."], {
    cwd: toPath(new URL("go/", TESTDATA)),
    env: { GOOS: "wasip1", GOARCH: "wasm", GOFLAGS: "-mod=readonly" },
  });
}
