import sharp from "npm:sharp@0.35.5";
import { assert, assertEquals, assertMatch, assertRejects } from "../../assert.ts";
import { ask, image, optimizer, shown } from "./asking.ts";
import { encoded, paint, quarters } from "./pictures.ts";

Deno.test("fields of the origin's response stay, except those about its bytes", async () => {
  const source = await encoded(quarters(16, 8));
  const response = await ask(
    image(source, {
      "accept-ranges": "bytes",
      "cache-control": "max-age=60",
      "content-length": String(source.length),
      "etag": '"a"',
      "last-modified": "Sun, 22 Nov 2026 20:44:20 GMT",
    }),
    "width=4",
  );
  await response.body?.cancel();
  const { headers } = response;
  assertEquals(
    ["accept-ranges", "cache-control", "etag", "last-modified"].map((name) => headers.get(name)),
    [null, "max-age=60", 'W/"a"', "Sun, 22 Nov 2026 20:44:20 GMT"],
  );
});

Deno.test("a response that is no image, or no success, is passed on unchanged", async () => {
  const gone = new Response("gone", { status: 410, headers: { "content-type": "image/png" } });
  const page = new Response("<p>", { headers: { "content-type": "text/html", "etag": '"a"' } });
  const bytes = new Response("any", { headers: { "content-type": "application/octet-stream" } });
  const drawn = image('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>', {
    "content-type": "image/svg+xml",
  });
  for (const response of [gone, page, bytes, drawn, new Response(null, { status: 304 })]) {
    const expected = [response.status, [...response.headers], await response.clone().text()];
    const got = await ask(response, "width=4");
    assertEquals([got.status, [...got.headers], await got.text()], expected);
  }
  const head = new Response(null, {
    headers: { "content-length": "9", "content-type": "image/png" },
  });
  assertEquals(await ask(head, "width=4", { method: "HEAD" }), head);
});

Deno.test("a broken image is a 415", async () => {
  const whole = await encoded(quarters(64, 64), (image) => image.jpeg());
  for (const bytes of [new Uint8Array([1, 2, 3]), whole.subarray(0, whole.length / 2)]) {
    const response = await ask(bytes, "width=4");
    assertEquals(response.status, 415);
    assertMatch(response.headers.get("fastly-io-error")!, /^Cannot (read|transform) the image/);
    await response.body?.cancel();
  }
});

Deno.test("an image that is too large is refused before it is decoded", async () => {
  const wide = await sharp({
    create: { width: 16_000, height: 7_000, channels: 3, background: "white" },
    limitInputPixels: false,
  }).png({ compressionLevel: 1 }).toBuffer();
  const long = image("x", { "content-length": "50000001" });
  let sent = 0;
  let cancelled = false;
  const endless = new Response(
    new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(10_000_000));
        sent++;
      },
      cancel: () => void (cancelled = true),
    }, { highWaterMark: 0 }),
    { headers: { "content-type": "image/png" } },
  );
  for (const source of [image(new Uint8Array(wide)), long, endless]) {
    const response = await ask(source, "width=4");
    assertEquals(response.status, 413);
    assertMatch(
      response.headers.get("fastly-io-error")!,
      /^The image has more than \d+ (bytes|pixels)$/,
    );
    await response.body?.cancel();
  }
  assertEquals([sent, cancelled], [6, true]);
  const huge = await ask(await encoded(quarters(9, 9)), "width=20000&enable=upscale");
  assertEquals(huge.status, 400);
  await huge.body?.cancel();
});

Deno.test("bad values are an error, or a warning where the guest allows them", async () => {
  const source = await encoded(quarters(16, 8));
  const refused = await ask(source, "width=abc&quality=101");
  assertEquals(refused.status, 400);
  const faults = 'Invalid value for parameter "width", Invalid value for parameter "quality"';
  assertEquals(refused.headers.get("fastly-io-error"), faults);
  await refused.body?.cancel();
  const allowed = await ask(
    source,
    "width=abc&quality=101&height=4&allow_malformed_query_params=true",
  );
  assertEquals(allowed.headers.get("fastly-io-compute-warnings"), faults);
  assertEquals((await shown(allowed)).height, 4);
});

Deno.test("parameters may be in the URL, of which the origin gets none", async () => {
  const source = await encoded(quarters(16, 8));
  const asked: (string | undefined)[] = [];
  for (const query of ["height=4", "height=4&preserve_query_string_on_origin_request=true"]) {
    const url = "http://origin.test/a%20b?v=1%2f&width=8&height=2";
    const response = await optimizer(new Request(url), {
      query,
      backend: "origin",
      fetchImage(origin) {
        asked.push(origin);
        return Promise.resolve(image(source));
      },
    });
    const { width, height } = await shown(response);
    assertEquals([width, height], [8, 4]);
  }
  assertEquals(asked, ["http://origin.test/a%20b", "http://origin.test/a%20b?v=1%2f"]);
});

Deno.test("many images at the same time all come, and one whose request has ended does not", async () => {
  const source = await encoded(quarters(64, 32));
  const abort = new AbortController();
  const waiting = Array.from({ length: 40 }, () => ask(source, "width=8"));
  const ended = ask(source, "width=8", { signal: abort.signal });
  abort.abort(new Error("The client has left"));
  await assertRejects(() => ended, Error, "The client has left");
  const widths = (await Promise.all(waiting)).map(async (each) => (await shown(each)).width);
  assertEquals(new Set(await Promise.all(widths)), new Set([8]));
});

Deno.test("a request that ends while its image arrives ends the origin's response", async () => {
  const abort = new AbortController();
  const started = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<unknown>();
  const body = new ReadableStream({
    pull: () => started.resolve(),
    cancel: (reason) => cancelled.resolve(reason),
  });
  const ended = ask(image(body), "width=8", { signal: abort.signal });
  await started.promise;
  const error = new Error("The client has left");
  abort.abort(error);
  await assertRejects(() => ended, Error, "The client has left");
  assertEquals(await cancelled.promise, error);
});

Deno.test("other work goes on while an image is transformed", async () => {
  const noise = paint(600, 600, (x, y) => [x * y, x * x, y * y, 255]);
  let done = false;
  const transforming = ask(await encoded(noise), "format=avif").then(async (response) => {
    await response.body?.cancel();
    done = true;
  });
  let turns = 0;
  while (!done) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    turns++;
  }
  await transforming;
  assert(turns > 5, `${turns} turns`);
});
