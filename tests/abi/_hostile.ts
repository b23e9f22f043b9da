/**
 * Sandboxes to misuse.
 *
 * @module
 */
import { Stop } from "../../handles/stop.ts";
import { HeaderList } from "../../service/http/headers.ts";
import { Pipe } from "../../service/http/pipe.ts";
import { assert, assertEquals } from "../assert.ts";
import { type Bench, bench, turn } from "./_bench.ts";
import type { DeclaredCall } from "./_matrix.ts";

/** Content of guest memory: mostly ones, which are small numbers, handles and texts, then any byte. */
const NOISE = Uint8Array.from({ length: 0x2_0000 }, (_, at) => at % 251 < 200 ? 1 : at % 256);
const NAME = "\x01";
/** Turns of the event loop after which a call that is not settled waits for more than its turn. */
const MAX_TURNS = 3;

/** Every kind of object that a guest may come to hold has a handle in `1..CROWD`. */
export const CROWD = 25;

/** A sandbox that holds one of everything, over memory full of odd bytes. */
export async function crowded(): Promise<Bench> {
  const b = bench({
    backends: { [NAME + NAME]: () => new Response("x") },
    configStores: { [NAME]: { [NAME]: "1" } },
    secretStores: { [NAME]: { [NAME]: "1" } },
    kvStores: { [NAME]: { [NAME + NAME]: "1" } },
    acls: { [NAME]: [{ prefix: "1.1.1.0/24", action: "ALLOW" }] },
    shieldingSites: { [NAME]: "local" },
    catchAll: () => new Response("caught"),
    botHeaders: true,
  }, { headers: ["Host", "h", "x-fastly-bot-name", "n"], body: new Pipe() });
  b.sandbox.requests.downstream;
  const make = (module: string, name: string, ...args: (string | number)[]) =>
    b.got(module, name, ...args);
  await make("fastly_http_req", "new");
  await make("fastly_http_resp", "new");
  const body = await make("fastly_http_body", "new");
  await make("fastly_log", "endpoint_get", "log");
  await make("fastly_config_store", "open", NAME);
  b.sandbox.handles.insert(new HeaderList()); // no guest can name one
  const secrets = await make("fastly_secret_store", "open", NAME);
  await make("fastly_secret_store", "get", secrets, NAME);
  const store = await make("fastly_kv_store", "open", NAME);
  await make("fastly_kv_store", "lookup", store, NAME + NAME, 0, 0);
  await make("fastly_kv_store", "insert", store, "k", body, 0, 0, 0);
  await make("fastly_kv_store", "delete", store, "gone", 0, 0);
  await make("fastly_acl", "open", NAME);
  await make("fastly_cache", "lookup", NAME, 0, 0);
  await make("fastly_cache", "transaction_lookup", NAME, 0, 0);
  await make("fastly_cache", "transaction_lookup_async", NAME, 0, 0);
  await make("fastly_cache", "replace", NAME + NAME, 0, 0);
  await make("fastly_http_cache", "transaction_lookup", 1, 0, 0);
  await make("fastly_http_cache", "transaction_lookup", 1, 0, 0);
  const request = await make("fastly_http_req", "new");
  await make("fastly_http_body", "new");
  const sent = await make("fastly_http_body", "new");
  assertEquals(await make("fastly_http_req", "send_async", request, sent, NAME + NAME), CROWD);
  b.memory.setBytes(0, NOISE);
  return b;
}

/** Ends a sandbox whose guest may still wait. */
export function dismiss(b: Bench): void {
  b.sandbox.execution.stop(new Stop("Enough"));
  b[Symbol.dispose]();
}

/**
 * Makes a call that must end in a status, at once or later, or be stopped.
 *
 * @returns Whether the sandbox can go on: not if the guest has exited, or still waited, for then it has been stopped.
 */
export async function misuse(
  b: Bench,
  call: DeclaredCall,
  args: readonly (number | bigint)[],
): Promise<boolean> {
  const { module, name, hostcall } = call;
  const told = `${module}.${name}(${args})`;
  let answer: number | Promise<number>;
  try {
    answer = b.call(module, name, ...args);
  } catch (error) {
    if (name === "proc_exit" && error instanceof Stop) return false;
    throw new Error(told, { cause: error });
  }
  if (typeof answer === "number") {
    isStatus(answer, call, told);
    return true;
  }
  assert(hostcall.suspends, `${told} waits but is not declared to`);
  const ended = answer.then((status) => ({ status }), (error: unknown) => ({ error }));
  let end = await within(ended);
  const stopped = end === undefined;
  if (stopped) {
    b.sandbox.execution.stop(new Stop("Enough"));
    end = await within(ended);
  }
  if (!end) throw new Error(`${told} goes on although the guest is stopped`);
  if ("status" in end) isStatus(end.status, call, told);
  else assert(stopped && end.error instanceof Stop, `${told} throws ${end.error}`);
  return !stopped;
}

/** The greatest number that guests of a module know: those of 2020 have a shorter list, and WASI one of its own. */
const MAX_STATUS: Readonly<Record<string, number>> = {
  env: 9,
  fastly: 9,
  wasi_snapshot_preview1: 76,
};

function isStatus(answer: number, { module }: DeclaredCall, told: string): void {
  const max = MAX_STATUS[module] ?? 14;
  assert(Number.isInteger(answer) && answer >= 0 && answer <= max, `${told} answers ${answer}`);
}

async function within<T>(promise: Promise<T>): Promise<T | undefined> {
  let settled: T | undefined;
  promise.then((value) => settled = value);
  for (let i = 0; i < MAX_TURNS && settled === undefined; i++) await turn();
  return settled;
}
