// The routes that ask stores and lookups.

import { Acl } from "fastly:acl";
import { Device } from "fastly:device";
import { KVStore } from "fastly:kv-store";
import { SecretStore } from "fastly:secret-store";
import { Shield } from "fastly:shielding";

const STORE = "settings";
const ACL = "blocked";

const ROUTES = {
  "/secret": secret,
  "/acl": acl,
  "/device": device,
  "/shield": shield,
  "/kv/get": get,
  "/kv/put": put,
  "/kv/delete": remove,
  "/kv/list": list,
  "/kv/page": page,
};

/** Answers the routes of this file; nothing for others. */
export async function stores(request, url) {
  const route = ROUTES[url.pathname];
  if (!route) return undefined;
  try {
    return await route(url.searchParams, request);
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

/** `?store=` takes another store than `settings`. */
async function secret(query) {
  const store = new SecretStore(query.get("store") ?? STORE);
  const secret = await store.get(query.get("key") ?? "");
  return secret ? text(secret.rawBytes()) : text("absent\n", 404);
}

async function get(query) {
  const entry = await new KVStore(STORE).get(query.get("key") ?? "");
  if (!entry) return text("absent\n", 404);
  const metadata = entry.metadataText();
  return text(entry.body, 200, metadata ? { "x-metadata": metadata } : {});
}

/** The body of the request, or with `?path=` that of the backend's response. Other parameters are options. */
async function put(query, request) {
  const options = { mode: query.get("mode") ?? "overwrite" };
  if (query.has("metadata")) options.metadata = query.get("metadata");
  if (query.has("ttl")) options.ttl = Number(query.get("ttl"));
  const { body } = query.has("path")
    ? await fetch(new URL(query.get("path"), request.url), {
      backend: "origin",
    })
    : request;
  await new KVStore(STORE).put(query.get("key") ?? "", body ?? "", options);
  return text("stored\n");
}

async function remove(query) {
  await new KVStore(STORE).delete(query.get("key") ?? "");
  return text("deleted\n");
}

/** All keys, a line for each page. */
async function list(query) {
  const options = {};
  if (query.has("prefix")) options.prefix = query.get("prefix");
  if (query.has("limit")) options.limit = Number(query.get("limit"));
  let lines = "";
  do {
    const { list, cursor } = await new KVStore(STORE).list(options);
    if (list.length) lines += `${list.join(" ")}\n`;
    options.cursor = cursor;
  } while (options.cursor !== undefined);
  return text(lines);
}

/** The page of keys at `?cursor=`, and where the next one is. */
async function page(query) {
  const options = { limit: 2, noSync: query.has("eventual") };
  if (query.has("cursor")) options.cursor = query.get("cursor");
  const { list, cursor } = await new KVStore(STORE).list(options);
  return text(list.join(" "), 200, { "x-cursor": cursor ?? "" });
}

async function acl(query) {
  const found = await Acl.open(ACL).lookup(query.get("ip") ?? "");
  return found ? text(`${found.action} ${found.prefix}\n`) : text("absent\n", 404);
}

function device(_, request) {
  const device = Device.lookup(request.headers.get("user-agent") ?? "");
  if (!device) return text("absent\n", 404);
  const { brand, model, isMobile, isDesktop } = device;
  return text(
    `${brand ?? "unknown"} ${model ?? "unknown"} ` +
      `mobile=${isMobile ?? false} desktop=${isDesktop ?? false}\n`,
  );
}

/** `here` on the shield itself, else what it answers to `/shielded`. */
async function shield(query) {
  const shield = new Shield(query.get("name") ?? "");
  if (shield.runningOn()) return text("here\n");
  const backend = shield.unencryptedBackend({ firstByteTimeout: 5000 });
  return await fetch("http://shield/shielded", { backend });
}
