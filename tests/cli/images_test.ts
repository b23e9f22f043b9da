import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { decoded, encoded, quarters } from "../drivers/images/pictures.ts";
import { startOrigin } from "../guests/serving.ts";
import { CLI, ROOT } from "./commands.ts";

const PNG = await encoded(quarters(64, 32));

/** Serves the Rust guest as a process with an image behind it, and asks it for that. */
async function transform(
  permissions: readonly string[],
  flags: readonly string[],
): Promise<{ response: Response; body: Uint8Array; stderr: string }> {
  await using origin = await startOrigin((_, response) => {
    response.writeHead(200, { "content-type": "image/png" }).end(PNG);
  });
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", ...permissions, "--no-check", CLI, "--bind", "127.0.0.1:0"],
      ...["--backend", `origin=${origin.url}`, ...flags, `${ROOT}/testdata/built/rust.wasm`],
    ],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(process.stderr).text();
  const output = process.stdout.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  try {
    const { value: first } = await output.next();
    const [, url] = /^Listening on (\S+)\n/.exec(first ?? "") ?? [];
    assert(url, first);
    const response = await fetch(`${url}/image/thumbnail`);
    const body = new Uint8Array(await response.arrayBuffer());
    process.kill("SIGINT");
    while (!(await output.next()).done);
    return { response, body, stderr: await stderr };
  } finally {
    await process.status;
  }
}

Deno.test("the executable transforms images by itself", async () => {
  const { response, body } = await transform(["-A"], []);
  assertEquals(response.status, 200);
  const { width, height, format } = await decoded(body);
  assertEquals([width, height, format], [16, 16, "png"]);
});

Deno.test("--no-image-optimizer has the guest learn that there is none, and take the image as it is", async () => {
  const { response, body } = await transform(["-A"], ["--no-image-optimizer"]);
  assertEquals(response.status, 200);
  assert(response.headers.has("fastly-io-error"));
  assertEquals(body, PNG);
});

Deno.test("where the codec cannot be loaded, the guest has an error and the log says what to do", async () => {
  const { response, stderr } = await transform(["-A", "--deny-ffi"], []);
  assertEquals(response.status, 502);
  assertStringIncludes(stderr, "Cannot load the image codec: ");
  assertStringIncludes(stderr, "deno cache ");
});
