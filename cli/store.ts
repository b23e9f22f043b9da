import { parseStoreAddress } from "../drivers/redis/address.ts";
import type { RedisStorage } from "../drivers/redis.ts";
import { CommandError } from "./errors.ts";
import type { SharedStore } from "./manifest/shared_store.ts";
import type { Terminal } from "./telemetry/terminal.ts";

/** Variable with the password of the store, unless fastly.toml or the address have one. */
export const STORE_PASSWORD = "FASTLIKE_STORE_PASSWORD";

/** Variable with the password of its Sentinels, unless fastly.toml has one. */
const SENTINEL_PASSWORD = "FASTLIKE_SENTINEL_PASSWORD";

/**
 * Opens the store.
 *
 * @param ca Certificates in PEM to trust, for TLS.
 * @param note Called with a note when the store is gone or back.
 * @throws {CommandError} If it cannot be reached.
 */
export async function openStore(
  { url, password, sentinelPassword, ...options }: SharedStore,
  ca: string | undefined,
  note: Terminal["note"],
): Promise<RedisStorage> {
  // Most starts need no store.
  const { openRedis } = await import("../drivers/redis.ts");
  try {
    const given = password ?? parseStoreAddress(url).password ?? Deno.env.get(STORE_PASSWORD);
    return await openRedis(url, {
      ...options,
      ca,
      password: given,
      sentinelPassword: sentinelPassword ?? Deno.env.get(SENTINEL_PASSWORD),
      log: note,
    });
  } catch (error) {
    throw new CommandError((error as Error).message);
  }
}
