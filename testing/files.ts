/**
 * Stores recorded responses of backends in a folder, one readable JSON file for each backend.
 *
 * @module
 */
import {
  type Fixture,
  type FixtureOptions,
  type FixtureStore,
  withoutSecrets,
} from "./fixtures.ts";
import { messageOf } from "../service/errors.ts";
import { shownValue } from "../service/util/shown_value.ts";

export type { Fixture, FixtureBody, FixtureOptions, FixtureStore } from "./fixtures.ts";

/**
 * Makes a store for the options `record` and `replay` of `TestHost.start` over a folder. Needs `--allow-read` and, to
 * record, `--allow-write`.
 *
 * @param folder URL (`file:`) of the folder, which is made when something is recorded.
 * @param options By default values of fields that hold secrets are left out, so that the files can be committed.
 */
export function folderFixtures(folder: URL, options: FixtureOptions = {}): FixtureStore {
  if (!(folder instanceof URL)) {
    throw new TypeError(
      `Cannot use the folder ${shownValue(folder)}: it is no URL, ` +
        'as new URL("./fixtures/", import.meta.url)',
    );
  }
  const base = folder.href.endsWith("/") ? folder : new URL(`${folder.href}/`);
  // Guests choose the names of dynamic backends; a `%2F` in a URL would be a `/` to the file system.
  const fileOf = (backend: string) =>
    new URL(`${encodeURIComponent(backend).replaceAll("%", "~")}.json`, base);
  return {
    async load(backend) {
      const file = fileOf(backend);
      let text: string;
      try {
        text = await Deno.readTextFile(file);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
      return parsed(text, file);
    },
    async save(backend, fixtures) {
      await Deno.mkdir(base, { recursive: true });
      const kept = options.secrets ? fixtures : fixtures.map(withoutSecrets);
      const file = fileOf(backend);
      const temporary = new URL(`${file.href}.${crypto.randomUUID()}`);
      await Deno.writeTextFile(temporary, `${JSON.stringify(kept, null, 2)}\n`);
      await Deno.rename(temporary, file);
    },
  };
}

function parsed(text: string, file: URL): readonly Fixture[] {
  try {
    const fixtures: unknown = JSON.parse(text);
    if (!Array.isArray(fixtures)) throw new Error("it is no list");
    for (const { request, response } of fixtures) {
      if (typeof request?.path !== "string" || typeof response?.status !== "number") {
        throw new Error("an entry has no request with a path, or no response with a status");
      }
    }
    return fixtures;
  } catch (error) {
    const reason = messageOf(error);
    throw new Error(`Cannot replay ${file.pathname}: ${reason}; delete it and record again`);
  }
}
