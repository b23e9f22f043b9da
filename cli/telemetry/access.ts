import type { AccessEntry } from "../../server/listen_options.ts";
import type { Output } from "./output.ts";

/**
 * Returns an access line for people: method, path, status, time, bytes of the body, uses of the cache, the request's
 * id, and the limit that was met.
 *
 * @param detailed Whether to add the guest's processor time, memory and hostcalls.
 */
export function accessLine(entry: AccessEntry, output: Output, detailed: boolean): string {
  const { method, target, status, millis, bytes, whole, metrics } = entry;
  const colour = status >= 500 || !status ? "red" : status >= 400 ? "yellow" : "green";
  const shown = output.paint(colour, status ? String(status) : "-");
  let line = `${method} ${target} ${shown} ${millis.toFixed(1)}ms ${bytes}B`;
  if (!whole) line += ` ${output.paint("red", "cut")}`;
  if (metrics.cache.length) line += ` cache=${metrics.cache.join(",")}`;
  if (detailed) {
    const { activeMillis, peakMemory, hostcalls } = metrics;
    line += ` cpu=${activeMillis.toFixed(1)}ms mem=${(peakMemory / 2 ** 20).toFixed(1)}MiB`;
    line += ` calls=${hostcalls}`;
  }
  if (metrics.requestId) line += ` ${output.paint("dim", `request=${metrics.requestId}`)}`;
  if (metrics.limit) line += ` ${output.paint("yellow", `limit="${metrics.limit}"`)}`;
  return line;
}

/** Returns an access line for programs: one JSON object with all fields. */
export function accessJson({ metrics, ...entry }: AccessEntry): string {
  return JSON.stringify({
    time: new Date().toISOString(),
    ...entry,
    millis: rounded(entry.millis),
    cache: metrics.cache,
    cpu_ms: rounded(metrics.activeMillis),
    peak_memory: metrics.peakMemory,
    hostcalls: metrics.hostcalls,
    limit: metrics.limit,
    requestId: metrics.requestId,
  });
}

/** Rounds milliseconds to microseconds. */
function rounded(millis: number): number {
  return Math.round(millis * 1000) / 1000;
}
