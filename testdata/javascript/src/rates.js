// The routes that count and limit rates: `?entry=` is who is counted.

import { EdgeRateLimiter, PenaltyBox, RateCounter } from "fastly:edge-rate-limiter";

const ROUTES = {
  "/rate/count": count,
  "/rate/check": check,
  "/rate/punish": (query) => {
    box().add(query.get("entry"), minutes(query));
    return "punished\n";
  },
  "/rate/box": (query) => box().has(query.get("entry")) ? "in\n" : "out\n",
};

/** Answers the routes of this file; nothing for others. */
export function rates(url) {
  const route = ROUTES[url.pathname];
  if (!route) return undefined;
  try {
    return new Response(route(url.searchParams));
  } catch (error) {
    return new Response(`failed: ${error}\n`, { status: 400 });
  }
}

/** Counts `?delta=`, and tells the rates and the counts, shortest time first. */
function count(query) {
  const entry = query.get("entry");
  if (query.has("delta")) counter().increment(entry, Number(query.get("delta")));
  return [
    ...[1, 10, 60].map((window) => counter().lookupRate(entry, window)),
    ...[10, 20, 30, 40, 50, 60].map((duration) => counter().lookupCount(entry, duration)),
  ].join(" ");
}

/** More than `?limit=` a second, over ten seconds, are `?minutes=` in the box. */
function check(query) {
  const limiter = new EdgeRateLimiter(counter(), box());
  const delta = Number(query.get("delta") ?? 1);
  const limit = Number(query.get("limit"));
  return limiter.checkRate(query.get("entry"), delta, 10, limit, minutes(query))
    ? "blocked\n"
    : "allowed\n";
}

function counter() {
  return new RateCounter("requests");
}

function box() {
  return new PenaltyBox("offenders");
}

function minutes(query) {
  return Number(query.get("minutes") ?? 1);
}
