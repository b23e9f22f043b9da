// A small origin to try guests against: deno run -A testdata/origin.ts [port]
const port = Number(Deno.args[0] ?? 8000);

Deno.serve({ port, hostname: "localhost", onListen() {} }, async (request) => {
  const { pathname, search } = new URL(request.url);
  const body = await request.text();
  const lines = [`The origin got ${request.method} ${pathname}${search}`, body];
  return new Response(lines.filter(Boolean).join("\n") + "\n");
});
