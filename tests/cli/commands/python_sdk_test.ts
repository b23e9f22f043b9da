import { assertEquals, assertStringIncludes } from "../../assert.ts";
import { CLI, command, has, ROOT, withFiles } from "../commands.ts";

const PROJECT = `${ROOT}/testdata/python`;
const PYTHON = `${PROJECT}/.venv/bin/python`;
const WASM = `${ROOT}/testdata/built/python.wasm`;
const there = await has(PYTHON, "-c", "import pytest, fastly_compute, requests, tomli_w") &&
  await has("test", "-e", WASM);

// Only some machines can build the Python guest: where `deno task guests` has not, there is no test.
if (there) {
  Deno.test("the Python SDK's own tests pass over this executable", () =>
    withFiles({
      "viceroy": `#!/bin/sh\nexec ${Deno.execPath()} run -A --no-check ${CLI} "$@"\n`,
    }, async (cwd) => {
      await Deno.chmod(`${cwd}/viceroy`, 0o755);
      const env = { VICEROY: `${cwd}/viceroy`, WASM_FILE: WASM, PYTHONDONTWRITEBYTECODE: "1" };
      // The SDK builds with the modules of the environment that runs the tests, and follows no links.
      const script = `import os, shutil, site, sys, pytest
to = os.path.join(site.getsitepackages()[0], "sdk_tests")
shutil.copytree(${JSON.stringify(`${PROJECT}/sdk_tests`)}, to, dirs_exist_ok=True)
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "--pyargs", "sdk_tests"]))`;
      const { code, stdout, stderr } = await command(PYTHON, ["-c", script], { cwd, env });
      assertEquals(code, 0, stdout + stderr);
      assertStringIncludes(stdout, "6 passed");
    }));
}
