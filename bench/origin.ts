// The backend of the measured guests: what it says nobody may cache, so that each request comes to it.
const headers = { "cache-control": "no-store" };
Deno.serve(
  { hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen() {} },
  () => new Response("Hello from the origin\n", { headers }),
);
