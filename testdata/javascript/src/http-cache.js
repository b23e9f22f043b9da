// A guest for the hooks of the HTTP cache: `/http-cache/…` is the rest of the path from the origin, through the cache,
// by rules that the query tells.

import { CacheOverride } from "fastly:cache-override";
import { purgeSurrogateKey } from "fastly:compute";

addEventListener("fetch", (event) => event.respondWith(serve(event.request)));

async function serve(request) {
  const url = new URL(request.url);
  const rules = url.searchParams;
  if (url.pathname === "/hello") return new Response("Hello from javascript\n");
  if (url.pathname === "/cache/purge") {
    purgeSurrogateKey(rules.get("key"), rules.has("soft"));
    return new Response("purged\n");
  }
  const target = new URL(url.pathname.slice("/http-cache".length), url);
  const options = { backend: "origin" };
  if (rules.has("hooks")) options.cacheOverride = new CacheOverride("override", hooks(rules));
  try {
    const response = await fetch(new Request(target, request), options);
    const answer = new Response(response.body, response);
    answer.headers.set("x-cache", response.cached ? "HIT" : "MISS");
    return answer;
  } catch (error) {
    return new Response(`failed: ${error}\n`, { status: 502 });
  }
}

function hooks(rules) {
  return {
    beforeSend(request) {
      if (rules.has("fail-before")) throw new Error("before_send has failed");
      request.headers.set("x-before-send", "1");
    },
    afterSend(response) {
      response.headers.set("x-after-send", "1");
      if (rules.has("ttl")) response.ttl = Number(rules.get("ttl"));
      if (rules.has("swr")) response.swr = Number(rules.get("swr"));
      if (rules.has("vary")) response.vary = ["x-variant"];
      if (rules.has("keys")) response.surrogateKeys = rules.get("keys").split(" ");
      const options = {};
      if (rules.has("uncacheable")) {
        options.cache = rules.get("uncacheable") === "record" ? "uncacheable" : false;
      }
      if (rules.has("upper")) options.bodyTransformFn = upper;
      return options;
    },
  };
}

function upper(body) {
  return new TextEncoder().encode(new TextDecoder().decode(body).toUpperCase());
}
