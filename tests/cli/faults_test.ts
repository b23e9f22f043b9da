import { assertEquals, assertStringIncludes } from "../assert.ts";
import { surviveFaults } from "../../cli/faults.ts";

Deno.test("what nobody has caught is told, and ends nothing", async () => {
  const told: string[] = [];
  {
    using _ = surviveFaults((message) => told.push(message));
    reportError(new Error("thrown by nobody's fault"));
    Promise.reject(new Error("rejected by nobody's fault"));
    await new Promise((resolve) => setTimeout(resolve));
  }
  assertEquals(told.length, 2);
  assertStringIncludes(told[0]!, "thrown by nobody's fault");
  assertStringIncludes(told[1]!, "rejected by nobody's fault");
});
