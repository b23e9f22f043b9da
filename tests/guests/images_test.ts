import { imageOptimizer } from "../../drivers/images.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import {
  BLUE,
  decoded,
  encoded,
  GREEN,
  near,
  quarters,
  RED,
  WHITE,
} from "../drivers/images/pictures.ts";
import { serveGuest, startOrigin, testGuest } from "./serving.ts";

const PNG = await encoded(quarters(64, 32));

/** Origin of one picture, and the requests that it gets: URL, range and codings. */
async function startPictures(asked: string[] = []) {
  return await startOrigin((request, response) => {
    const { range, "accept-encoding": coding } = request.headers;
    asked.push([request.url, range, coding].filter(Boolean).join(" "));
    if (request.url?.endsWith("missing")) return void response.writeHead(404).end("none");
    response.writeHead(200, { "content-type": "image/png", "cache-control": "max-age=60" });
    response.end(PNG);
  });
}

testGuest("rust", "images are transformed as its options and the URL say", async () => {
  const asked: string[] = [];
  await using origin = await startPictures(asked);
  await using served = await serveGuest("rust", {
    backends: { origin: origin.url },
    imageOptimizer: imageOptimizer(),
  });
  const url = `http://127.0.0.1:${served.port}/image`;
  const headers = { range: "bytes=0-9", accept: "image/webp" };
  const response = await fetch(`${url}/thumbnail?orient=2&width=4&v=1`, { headers });
  const { width, height, format, at } = await decoded(
    new Uint8Array(await response.arrayBuffer()),
  );
  assertEquals([response.status, format, width, height], [200, "png", 16, 16]);
  const corners = [at(0, 0), at(15, 0), at(0, 15), at(15, 15)];
  assertEquals(corners.map((pixel, i) => near(pixel, [GREEN, RED, WHITE, BLUE][i]!)), [
    ...[true, true, true, true],
  ]);
  assertEquals(response.headers.get("cache-control"), "max-age=60");
  assertMatch(response.headers.get("fastly-io-info")!, /idim=64x32 .* odim=16x16/);
  assertEquals(asked, ["/image/thumbnail"]);

  const auto = await fetch(`${url}/auto?width=8`, { headers });
  assertEquals([auto.headers.get("content-type"), auto.headers.get("vary")], [
    "image/webp",
    "accept",
  ]);
  await auto.body?.cancel();

  const missing = await fetch(`${url}/missing?width=8`);
  assertEquals([missing.status, await missing.text()], [404, "none"]);
  const bad = await fetch(`${url}/bad?width=x`);
  assertEquals([bad.status, bad.headers.get("fastly-io-error")], [
    400,
    'Invalid value for parameter "width"',
  ]);
  await bad.body?.cancel();
});

testGuest(
  "rust",
  "without an image optimizer its SDK says so, and takes the image as it is",
  async () => {
    await using served = await serveGuest("rust", {
      backends: { origin: () => new Response("x") },
    });
    const response = await fetch(`http://127.0.0.1:${served.port}/image/any`);
    assertEquals([response.status, await response.text()], [200, "x"]);
    const error = response.headers.get("fastly-io-error") ?? "";
    assertStringIncludes(error.toLowerCase(), "image optimizer");
  },
);
