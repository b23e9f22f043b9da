// Builds the Go guest, once more with the SDK's own caching.

import { BUILT, run, TESTDATA, toPath } from "./common.ts";

export async function build(): Promise<void> {
  await Deno.mkdir(BUILT, { recursive: true });
  await compile("go");
  await compile("go-http-cache", "-tags=fsthttp_guest_cache");
}

async function compile(name: string, ...more: string[]): Promise<void> {
  const output = toPath(new URL(`${name}.wasm`, BUILT));
  // No `-s`: it drops the name section, which stack traces need. `-w` changes nothing here.
  const flags = ["-trimpath", "-buildvcs=false", "-ldflags=-buildid=", ...more, "-o", output];
  await run("go", "go", ["build", ...flags, "."], {
    cwd: toPath(new URL("go/", TESTDATA)),
    env: { GOOS: "wasip1", GOARCH: "wasm", GOFLAGS: "-mod=readonly" },
  });
}
