// The backend of the guests that are measured. Nobody may cache what it says, but for what is named so.
Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen() {} }, ({ url }) => {
  const control = url.endsWith("/cached") ? "max-age=1" : "no-store";
  return new Response("Hello from the origin\n", { headers: { "cache-control": control } });
});
