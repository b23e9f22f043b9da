// Backend of the measured guests. Its responses may not be cached, except those of paths that say so.
Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen() {} }, ({ url }) => {
  const control = url.endsWith("/cached") ? "max-age=1" : "no-store";
  return new Response("Hello from the origin\n", { headers: { "cache-control": control } });
});
