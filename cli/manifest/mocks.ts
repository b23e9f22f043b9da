import type { BackendHandler } from "../../service/backends/definition.ts";
import { machineClock } from "../../service/util/clock.ts";
import { type Mock, mockBackend } from "../../testing/mock.ts";
import { parseJson } from "./json.ts";
import type { ConfigTable } from "./table.ts";
import { messageOf } from "../../service/errors.ts";

/** Reads mocks of backends, in the format of the test harness, from a JSON file for each backend. */
export function parseMocks(table: ConfigTable): Record<string, BackendHandler> {
  return Object.fromEntries(
    table.names().map((name) => {
      const text = table.text(name);
      const file = String(table.get(name));
      try {
        const mock = parseJson(text) as Mock;
        return [name, mockBackend(name, mock, machineClock, `Add it to ${file}`)];
      } catch (error) {
        const reason = messageOf(error);
        return table.fail(
          `${file}: ${reason.replace(/^Cannot use the mock of [^:]*: /, "")}`,
          error,
        );
      }
    }),
  );
}
