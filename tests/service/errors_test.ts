import { HostError, refuse, SendError } from "../../service/errors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

Deno.test("a refusal is an error in every way but that it has no frames", () => {
  const cause = new Error("why");
  const error = assertThrows(() => refuse("absent", "Cannot find it", cause), HostError);
  assert(error instanceof Error);
  assertEquals([error.kind, error.message, error.cause], ["absent", "Cannot find it", cause]);
  assertEquals(`${error}`, "HostError: Cannot find it");
  assertEquals((error as Error).stack, undefined);
});

Deno.test("a failed send is a refusal by another name", () => {
  const error = new SendError("dns_error", "Cannot resolve it", { dnsRcode: 3 });
  assert(error instanceof HostError);
  assertEquals(`${error}`, "SendError: Cannot resolve it");
  assertEquals([error.kind, error.failure, error.dnsRcode], ["failed", "dns_error", 3]);
});
