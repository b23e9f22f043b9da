/**
 * Test harness for programs written for Fastly Compute, usable with any test runner. Backends are mocks, stores and
 * clients are data, and the test controls the clock.
 *
 * ```ts
 * import { TestHost } from "./testing.ts";
 *
 * Deno.test("the origin's answer is passed on", async () => {
 *   await using host = await TestHost.start({
 *     wasm: new URL("./app.wasm", import.meta.url),
 *     backends: { origin: { body: "from the mock" } },
 *   });
 *   const response = await host.fetch("/path");
 *   if (await response.text() !== "from the mock") throw new Error("It is not");
 * });
 * ```
 *
 * @module
 */
export {
  type HostMessage,
  type TestCache,
  TestHost,
  type TestRequestInit,
  type TestSession,
} from "./testing/host.ts";
export type { TestClient, TestHostOptions } from "./testing/options.ts";
export type { TestResponse } from "./testing/exchange.ts";
export type { Call, SentHeaders } from "./testing/calls.ts";
export type { Json, MockData, MockError } from "./testing/mock_data.ts";
export {
  type Mock,
  type MockContext,
  type MockHandler,
  type MockRoutes,
  UnmockedRequestError,
} from "./testing/mock.ts";
export {
  type Fixture,
  type FixtureBody,
  type FixtureOptions,
  type FixtureStore,
  memoryFixtures,
} from "./testing/fixtures.ts";
export { type KvPutOptions, TestKv } from "./testing/kv.ts";
