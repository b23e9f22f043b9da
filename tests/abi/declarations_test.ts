import { assertEquals } from "../assert.ts";
import { declaredCalls, knownCalls, supportMatrix } from "./_matrix.ts";

const known = new Map(knownCalls.map((call) => [`${call.module}.${call.name}`, call]));

/** Calls that suspend although a guest would not have to wait in them, and why. */
const MAY_WAIT: Readonly<Record<string, string>> = {
  "fastly_async_io.is_ready": "a guest that asks in a loop leaves others their turn",
  "fastly_http_req.pending_req_poll": "the same",
  "fastly_http_req.pending_req_poll_v2": "the same",
  "env.xqd_async_io_is_ready": "the same",
  "env.xqd_pending_req_poll": "the same",
  "env.xqd_pending_req_poll_v2": "the same",
};

const RATE_CALLS = [
  ...["check_rate", "ratecounter_increment", "ratecounter_lookup_rate"],
  ...["ratecounter_lookup_count", "penaltybox_add", "penaltybox_has"],
];
/** Calls of stores whose driver may answer later. */
const WAITS_FOR_DRIVER: ReadonlySet<string> = new Set([
  ...RATE_CALLS.flatMap((name) => [`fastly_erl.${name}`, `env.xqd_erl_${name}`]),
  // Closing the content of an object writes it.
  ...["fastly_http_body.close", "env.xqd_body_close", "env.xqd_body_close_downstream"],
  ...["fastly_cache.lookup", "fastly_purge.purge_surrogate_key"],
]);

/** Calls that never wait here although another host might, and why. */
const ANSWERS_AT_ONCE: Readonly<Record<string, string>> = {
  "fastly_http_resp.send_downstream": "the client's side pulls the body",
  "env.xqd_resp_send_downstream": "the same",
  "fastly_http_cache.lookup": "it waits for nobody",
  "fastly_http_cache.transaction_lookup": "what is asked of its handle waits",
  "wasi_snapshot_preview1.fd_read": "standard input is empty",
};

/** Names of old whose words are not those of the call of today, and why. */
const OWN_WORDS: Readonly<Record<string, string>> = {};

function signatureOf(module: string, name: string, words: readonly string[]): string {
  const result = module === "wasi_snapshot_preview1" && name === "proc_exit" ? "()" : "i32";
  return `(${words.join(",")})->${result}`;
}

Deno.test("every declared hostcall has the words that guests import it with", () => {
  const wrong = declaredCalls.flatMap(({ module, name, hostcall }) => {
    const call = known.get(`${module}.${name}`);
    const signature = signatureOf(module, name, hostcall.coreTypes);
    return call && call.signature !== signature
      ? [`${module}.${name}: ${signature}, guests have ${call.signature}`]
      : [];
  });
  assertEquals(wrong, []);
});

Deno.test("every declared hostcall outside env is one that some guest imports", () => {
  const unknown = declaredCalls
    .map(({ module, name }) => `${module}.${name}`)
    .filter((key) => !key.startsWith("env.") && !known.has(key));
  assertEquals(unknown, []);
});

Deno.test("a hostcall suspends the guest only where waiting is known", () => {
  const wrong = declaredCalls.flatMap(({ module, name, hostcall }) => {
    const key = `${module}.${name}`;
    return hostcall.suspends && known.has(key) && !known.get(key)!.async && !MAY_WAIT[key] &&
        !WAITS_FOR_DRIVER.has(key)
      ? [key]
      : [];
  });
  assertEquals(wrong, []);
});

Deno.test("a hostcall that may have to wait suspends the guest, unless it never waits here", () => {
  const wrong = declaredCalls.flatMap(({ module, name, hostcall }) => {
    const key = `${module}.${name}`;
    return known.get(key)?.async && !hostcall.suspends && !ANSWERS_AT_ONCE[key] ? [key] : [];
  });
  assertEquals(wrong, []);
});

Deno.test("a name of old has the words of the call of today", () => {
  const wrong = knownCalls.flatMap(({ module, name, signature, alias }) => {
    const today = alias === undefined ? undefined : known.get(alias);
    return today && today.signature !== signature && !OWN_WORDS[name]
      ? [`${module}.${name}: ${signature}, ${alias} has ${today.signature}`]
      : [];
  });
  assertEquals(wrong, []);
});

Deno.test("a name of old is declared when the call of today is", () => {
  const declared = new Set(declaredCalls.map(({ module, name }) => `${module}.${name}`));
  const wrong = knownCalls.flatMap(({ module, name, alias }) =>
    alias !== undefined && declared.has(alias) && !declared.has(`${module}.${name}`)
      ? [`${module}.${name} for ${alias}`]
      : []
  );
  assertEquals(wrong, []);
});

Deno.test("missing functions can be listed by module", () => {
  const matrix = supportMatrix();
  for (const { module, known, declared, missing } of matrix) {
    assertEquals(declared.length + missing.length, known);
    if (missing.length) {
      // deno-lint-ignore no-console -- a list for the reader of the output
      console.log(`${module} ${declared.length}/${known}, missing: ${missing.join(" ")}`);
    }
  }
});
