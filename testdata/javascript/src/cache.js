// The routes that cache objects by themselves.

import { CoreCache, SimpleCache } from "fastly:cache";
import { purgeSurrogateKey } from "fastly:compute";

/** Milliseconds. */
const TTL = 60_000;

const ROUTES = {
  "/cache/insert": insert,
  "/cache/lookup": lookup,
  "/cache/fetch": fetchOnce,
  "/cache/simple": getOrSet,
  "/cache/simple-purge": (query) => {
    SimpleCache.purge(query.get("key"), { scope: "pop" });
    return text("purged\n");
  },
  "/cache/purge": (query) => {
    purgeSurrogateKey(query.get("key"), query.has("soft"));
    return text("purged\n");
  },
};

/** Answers the routes of this file; nothing for others. */
export async function cache(request, url, event) {
  const route = ROUTES[url.pathname];
  if (!route) return undefined;
  try {
    return await route(url.searchParams, request, event);
  } catch (error) {
    return text(`failed: ${error}\n`, 500);
  }
}

function text(body, status = 200, headers = {}) {
  return new Response(body, {
    status,
    headers: { "content-type": "text/plain", ...headers },
  });
}

/** `?vary` makes the object one of several, `?sensitive` keeps it off disks; `?swr=` and `?age=` are in seconds. */
async function insert(query, request) {
  const writer = CoreCache.insert(query.get("key"), {
    maxAge: TTL,
    headers: variant(request),
    vary: query.has("vary") ? ["x-variant"] : [],
    staleWhileRevalidate: Number(query.get("swr") ?? 0) * 1000,
    initialAge: Number(query.get("age") ?? 0) * 1000,
    ...query.has("length") ? { length: Number(query.get("length")) } : {},
    sensitive: query.has("sensitive"),
    surrogateKeys: (query.get("keys") ?? "").split(" ").filter((key) => key),
    userMetadata: query.get("metadata") ?? "",
  });
  writer.append(await request.text());
  writer.close();
  return text("stored\n");
}

function lookup(query, request) {
  const found = CoreCache.lookup(query.get("key"), {
    headers: variant(request),
  });
  if (!found) return text("absent\n", 404);
  const range = {};
  if (query.has("from")) range.start = Number(query.get("from"));
  if (query.has("to")) range.end = Number(query.get("to"));
  return text(found.body(range), 200, describe(found));
}

/** Of those who ask at the same time one asks the origin, and all answer while its body arrives. */
async function fetchOnce(query, _, event) {
  const pending = CoreCache.transactionLookupAsync(query.get("key"));
  const entry = await pending.wait();
  const state = entry.state();
  if (state.found()) {
    const response = text(entry.body(), 200, describe(entry));
    if (state.mustInsertOrUpdate()) {
      entry.update({ maxAge: TTL, userMetadata: "revalidated" });
    }
    return response;
  }
  let origin;
  try {
    origin = await fetch("http://origin.example/", { backend: "origin" });
  } catch {
    entry.cancel();
    return text("no origin\n", 502);
  }
  const length = origin.headers.get("content-length");
  const [writer, found] = entry.insertAndStreamBack({
    maxAge: TTL,
    ...length === null ? {} : { length: Number(length) },
  });
  event.waitUntil(fill(writer, origin.body));
  return text(found.body(), 200, { ...describe(found), "x-cache": "miss" });
}

async function fill(writer, stream) {
  for await (const chunk of chunks(stream)) writer.append(chunk);
  writer.close();
}

async function* chunks(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

async function getOrSet(query, request) {
  const value = await request.text();
  const entry = await SimpleCache.getOrSet(
    query.get("key"),
    () => Promise.resolve({ value, ttl: TTL / 1000 }),
  );
  return text(entry.body);
}

function variant(request) {
  return { "x-variant": request.headers.get("x-variant") ?? "" };
}

function describe(found) {
  const length = found.length();
  return {
    "x-cache": found.state().stale() ? "stale" : "hit",
    "x-hits": String(found.hits()),
    "age": String(Math.floor(found.age() / 1000)),
    "x-metadata": new TextDecoder().decode(found.userMetadata()),
    ...length === null ? {} : { "x-length": String(length) },
  };
}
