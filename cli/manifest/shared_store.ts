import { parseStoreAddress } from "../../drivers/redis/address.ts";
import { ON_STORE_FAILURE, type OnStoreFailure } from "../../drivers/redis/on_failure.ts";
import { filled } from "./filled.ts";
import type { ConfigTable } from "./table.ts";

export type { OnStoreFailure };

/** The store that hosts share, as flags and fastly.toml name it. */
export interface SharedStore {
  /** Address, `redis://…`. */
  readonly url: string;
  /** Password; by default that of the address, or of the variable `FASTLIKE_STORE_PASSWORD`. */
  readonly password?: string;
  /** This client's certificate in PEM, with `key`. */
  readonly cert?: string;
  /** Path of that certificate's private key in PEM. */
  readonly key?: string;
  /** Login of the Sentinels; by default the password of the variable `FASTLIKE_SENTINEL_PASSWORD`. */
  readonly sentinelUsername?: string;
  /** Password of the Sentinels. */
  readonly sentinelPassword?: string;
  /** Prefix of all keys. By default `fastlike`. */
  readonly prefix?: string;
  /** Milliseconds that a call may take. */
  readonly timeout?: number;
  /** Milliseconds for which other hosts wait while one gets an object for the cache. */
  readonly collapseTime?: number;
  /** Behaviour of rate counters and penalty boxes while the store fails. */
  readonly onStoreFailure?: OnStoreFailure;
}

/** Reads `[local_server.store]`. */
export function parseStore(table: ConfigTable): SharedStore {
  const [url] = table.done(
    "url",
    "password",
    "cert",
    "key",
    "sentinel_user",
    "sentinel_password",
    "prefix",
    "timeout_ms",
    "collapse_timeout_ms",
    "on_store_failure",
  );
  const address = table.requiredString(url);
  try {
    parseStoreAddress(address);
  } catch (error) {
    table.wrong(url, `is no address: ${(error as Error).message}`);
  }
  const file = (key: string) => table.has(key) ? table.text(key) : undefined;
  if (table.has("cert") !== table.has("key")) {
    table.missing(table.has("cert") ? "key" : "cert");
  }
  return {
    url: address,
    ...filled({
      password: table.string("password"),
      cert: file("cert"),
      key: file("key"),
      sentinelUsername: table.filledString("sentinel_user"),
      sentinelPassword: table.string("sentinel_password"),
      prefix: table.filledString("prefix"),
      timeout: table.millis("timeout_ms"),
      collapseTime: table.millis("collapse_timeout_ms"),
      onStoreFailure: table.choice("on_store_failure", ON_STORE_FAILURE),
    }),
  };
}
