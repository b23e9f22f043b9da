import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { decoded, encoded, quarters } from "../drivers/images/pictures.ts";
import { startOrigin } from "../guests/serving.ts";
import { CliServer } from "../process.ts";
import { ROOT } from "./commands.ts";

const PNG = await encoded(quarters(64, 32));

/** Serves the Rust guest as a process with an image behind it, and asks it for that. */
async function transform(
  permissions: readonly string[],
  flags: readonly string[],
): Promise<{ response: Response; body: Uint8Array; stderr: string }> {
  await using origin = await startOrigin((_, response) => {
    response.writeHead(200, { "content-type": "image/png" }).end(PNG);
  });
  const backend = ["--backend", `origin=${origin.url}`];
  const args = [...backend, ...flags, `${ROOT}/testdata/built/rust.wasm`];
  await using server = await CliServer.start(args, { permissions });
  const response = await fetch(`${server.url}/image/thumbnail`);
  const body = new Uint8Array(await response.arrayBuffer());
  server.cli.signal("SIGINT");
  const { stderr } = await server.cli.end();
  return { response, body, stderr };
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

Deno.test("where the codec cannot be loaded, the guest has an error and the log names the remedy", async () => {
  const { response, stderr } = await transform(["-A", "--deny-ffi"], []);
  assertEquals(response.status, 502);
  assertStringIncludes(stderr, "Cannot load the image codec: ");
  assertStringIncludes(stderr, "deno cache ");
});
