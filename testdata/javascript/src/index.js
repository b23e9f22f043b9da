// A guest with the routes all test guests share, and those that Go has as well.

import { Backend } from "fastly:backend";
import { ConfigStore } from "fastly:config-store";
import { env } from "fastly:env";
import { createFanoutHandoff } from "fastly:fanout";
import { configureConsole, Logger } from "fastly:logger";
import { createWebsocketHandoff } from "fastly:websocket";
import { cache } from "./cache.js";
import { rates } from "./rates.js";
import { stores } from "./stores.js";

configureConsole({ prefixing: false, stderr: true });

addEventListener("fetch", (event) => {
  // Thrown before `respondWith`, so that no promise of a response takes the error up.
  if (new URL(event.request.url).pathname === "/trap") throw new Error("trapped on purpose");
  event.respondWith(serve(event));
});

async function serve(event) {
  const request = event.request;
  const url = new URL(request.url);
  const path = url.pathname;
  if (path.startsWith("/proxy/")) return await proxy(request, url);
  switch (path) {
    case "/hello":
      return text("Hello from javascript\n");
    case "/echo":
      return echo(request);
    case "/headers":
      return listHeaders(request);
    case "/stream":
      return new Response(lines("line", number(url, "n", 100)), {
        headers: { "content-type": "text/plain" },
      });
    case "/geo": {
      const geo = event.client.geo;
      return text(geo?.city ? `${geo.city}, ${geo.country_code}\n` : "unknown\n");
    }
    case "/user-agent":
      // The SDK has no user agent parser.
      return text(`${request.headers.get("user-agent") ?? ""}\n`);
    case "/early-hint":
      event.sendEarlyHints([["link", "</style.css>; rel=preload; as=style"]]);
      return text("hinted\n");
    case "/log":
      new Logger("events").log("hello log");
      // deno-lint-ignore no-console
      console.log("hello stdout");
      // deno-lint-ignore no-console
      console.error("hello stderr");
      return text("logged\n");
    case "/exit":
      return text("no exit in this SDK\n", 501);
    case "/sleep":
      await sleep(number(url, "ms", 100));
      return text("slept\n");
    case "/client":
      return text(`${event.client.address}\n`);
    case "/url": {
      const ssl = request.headers.get("fastly-ssl");
      const response = text(`${request.url}\n`);
      if (ssl !== null) response.headers.set("x-fastly-ssl", ssl);
      return response;
    }
    case "/config": {
      const value = new ConfigStore("settings").get(url.searchParams.get("key") ?? "");
      return value === null ? text("absent\n", 404) : text(value);
    }
    case "/env":
      return text(
        ["FASTLY_HOSTNAME", "FASTLY_TRACE_ID", "FASTLY_SERVICE_VERSION"]
          .map((name) => `${name}=${env(name)}\n`).join(""),
      );
    case "/background":
      event.waitUntil(sleep(50).then(() => new Logger("events").log("after response")));
      return text("sent\n");
    case "/websocket":
      return createWebsocketHandoff(request, request.headers.get("x-backend") ?? "origin");
    case "/fanout":
      return createFanoutHandoff(request, request.headers.get("x-backend") ?? "origin");
    case "/dynamic":
      return await dynamic(url.searchParams);
    case "/parallel":
      return await parallel(url);
    case "/upload":
      return await send(
        new Request(new URL("/upload", url), {
          method: "POST",
          body: lines("chunk", 100),
          duplex: "half",
        }),
        "origin",
      );
    default:
      return await stores(request, url) ?? await cache(request, url, event) ?? rates(url) ??
        text("not found\n", 404);
  }
}

function text(body, status = 200) {
  return new Response(body, { status, headers: { "content-type": "text/plain" } });
}

function number(url, name, otherwise) {
  const value = url.searchParams.get(name);
  return value === null ? otherwise : Number(value);
}

function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function lines(word, count) {
  const encoder = new TextEncoder();
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      if (next < count) controller.enqueue(encoder.encode(`${word} ${next++}\n`));
      else controller.close();
    },
  });
}

function echo(request) {
  const headers = new Headers({ "x-method": request.method });
  const contentType = request.headers.get("content-type");
  if (contentType !== null) headers.set("content-type", contentType);
  return new Response(request.body, { headers });
}

function listHeaders(request) {
  const response = text(
    [...request.headers].map(([name, value]) => `${name}: ${value}\n`).join(""),
  );
  response.headers.append("set-cookie", "a=1");
  response.headers.append("set-cookie", "b=2");
  return response;
}

function proxy(request, url) {
  const backend = request.headers.get("x-backend") ?? "origin";
  const target = new URL(url.pathname.slice("/proxy".length) + url.search, url);
  const forwarded = new Request(target, request);
  forwarded.headers.delete("x-backend");
  return send(forwarded, backend);
}

async function send(request, backend) {
  try {
    return await fetch(request, { backend });
  } catch (error) {
    return text(`cannot reach origin: ${error}\n`, 502);
  }
}

async function parallel(url) {
  const bodies = [];
  await Promise.all(["/a", "/b"].map(async (path) => {
    const response = await send(new Request(new URL(path, url)), "origin");
    bodies.push((await response.text()).trimEnd());
  }));
  return text(bodies.join("\n") + "\n");
}

/** Defines a backend at run time and asks it for its root. */
async function dynamic(query) {
  try {
    const target = query.get("target");
    const backend = new Backend({
      name: query.get("name") ?? "dynamic",
      target,
      hostOverride: "dynamic.test",
      connectTimeout: 1000,
      firstByteTimeout: 5000,
      betweenBytesTimeout: 5000,
      useSSL: false,
    });
    const { status, body } = await fetch(`http://${target}/`, { backend });
    const settings = [backend.isDynamic, backend.hostOverride, backend.connectTimeout];
    return new Response(body, { status, headers: { "x-settings": settings.join(" ") } });
  } catch (error) {
    return new Response(`${error.message}\n`, { status: 409 });
  }
}
