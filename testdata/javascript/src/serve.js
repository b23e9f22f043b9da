// A guest that answers several requests in one sandbox.

import { env } from "fastly:env";
import { setReusableSandboxOptions } from "fastly:experimental";
import { createWebsocketHandoff } from "fastly:websocket";

setReusableSandboxOptions({ maxRequests: 4, betweenRequestTimeoutMs: 5000 });

let count = 0;

addEventListener("fetch", (event) => {
  count++;
  const path = new URL(event.request.url).pathname;
  if (path === "/trap") throw new Error("trapped on purpose");
  event.respondWith(answer(event.request, path));
});

async function answer(request, path) {
  if (path === "/echo") return new Response(await request.text());
  if (path === "/websocket") return createWebsocketHandoff(request, "origin");
  return new Response(`${env("FASTLY_TRACE_ID")} ${count} ${path}\n`);
}
