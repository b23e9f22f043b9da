// Backend of the measured guests. Its responses may not be cached, except that of /cached.
const PIECE = new Uint8Array(2 ** 18);
const BIG = 2 ** 30;

Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen() {} }, ({ url }) => {
  const control = url.endsWith("/cached") ? "max-age=1" : "no-store";
  const headers = { "cache-control": control };
  if (!url.endsWith("/big")) return new Response("Hello from the origin\n", { headers });
  let left = BIG;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left <= 0) return controller.close();
      controller.enqueue(PIECE);
      left -= PIECE.length;
    },
  });
  return new Response(body, { headers: { ...headers, "content-length": String(BIG) } });
});
