import { EMPTY } from "../../../service/http/bytes.ts";
import { HeaderList } from "../../../service/http/headers.ts";
import { WebExchange } from "../../../service/http/web_exchange.ts";
import { assertEquals } from "../../assert.ts";

function open() {
  const client = new AbortController();
  const request = new Request("http://a.test/", { signal: client.signal });
  const exchange = new WebExchange(request, undefined, false);
  const told: string[] = [];
  for (const name of ["one", "other"]) exchange.onGone(() => told.push(name));
  return { client, exchange, told };
}

Deno.test("every listener learns that a client has left", () => {
  const { client, exchange, told } = open();
  client.abort();
  assertEquals(told, ["one", "other"]);
  exchange.onGone(() => told.push("late"));
  assertEquals(told, ["one", "other", "late"]);
});

Deno.test("a request whose signal aborts after its response has no client that left", async () => {
  const { client, exchange, told } = open();
  exchange.respond({ status: 200, headers: new HeaderList() }, EMPTY);
  await exchange.response;
  client.abort();
  exchange.onGone(() => told.push("late"));
  assertEquals(told, []);
});
