import { concat } from "./http/bytes.ts";
import { utf8 } from "./util/utf8.ts";

/** The name under which a guest finds the id of its sandbox. */
const TRACE_ID = "FASTLY_TRACE_ID";

/** Texts as a guest gets its arguments and its environment: in UTF-8, a NUL behind each. */
export class Texts {
  readonly bytes: Uint8Array;
  /** Where each of them begins. */
  readonly starts: readonly number[];

  constructor(texts: readonly string[]) {
    const encoded = texts.map((text) => utf8(`${text}\0`));
    let at = 0;
    this.starts = encoded.map(({ length }) => (at += length) - length);
    this.bytes = encoded.length ? concat(encoded) : new Uint8Array();
  }
}

/** The environment of a service's guests: what the platform sets, with Viceroy's values, then what the options add. */
export class Environment {
  /** All variables as `NAME=value`, but for the trace id, in place of which there are as many zeros. */
  readonly texts: Texts;
  /** Where in the texts the trace id goes; undefined if the options set one. */
  readonly traceIdAt: number | undefined;
  readonly #own: Readonly<Record<string, string>>;

  constructor(own: Readonly<Record<string, string>> = {}) {
    this.#own = own;
    const entries = Object.entries(this.variables("0".repeat(32)));
    this.texts = new Texts(entries.map(([name, value]) => `${name}=${value}`));
    const trace = entries.findIndex(([name]) => name === TRACE_ID);
    if (!(TRACE_ID in own)) this.traceIdAt = this.texts.starts[trace]! + TRACE_ID.length + 1;
  }

  /** The variables of one sandbox, by its id: 32 hexadecimal digits. */
  variables(id: string) {
    return {
      FASTLY_CACHE_GENERATION: "0",
      FASTLY_CUSTOMER_ID: "0".repeat(22),
      FASTLY_HOSTNAME: "localhost",
      FASTLY_IS_STAGING: "0",
      FASTLY_POP: "XXX",
      FASTLY_REGION: "Somewhere",
      FASTLY_SERVICE_ID: "0".repeat(22),
      FASTLY_SERVICE_VERSION: "0",
      [TRACE_ID]: id,
      ...this.#own,
    };
  }
}
