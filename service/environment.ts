import { concat } from "./http/bytes.ts";
import { utf8 } from "./util/utf8.ts";

/** Variable with the id of the sandbox. */
const TRACE_ID = "FASTLY_TRACE_ID";

/** Arguments or environment variables in the format of WASI: UTF-8, each followed by a NUL. */
export class Texts {
  readonly bytes: Uint8Array;
  /** Offset of each text in the bytes. */
  readonly starts: readonly number[];

  constructor(texts: readonly string[]) {
    const encoded = texts.map((text) => utf8(`${text}\0`));
    let at = 0;
    this.starts = encoded.map(({ length }) => (at += length) - length);
    this.bytes = encoded.length ? concat(encoded) : new Uint8Array();
  }
}

/** Environment of a service's guests: the platform's variables, with Viceroy's values, and those of the options. */
export class Environment {
  /** All variables as `NAME=value`, with zeros in place of the trace id. */
  readonly texts: Texts;
  /** Offset of the trace id in the texts; undefined if the options set one. */
  readonly traceIdAt: number | undefined;
  readonly #own: Readonly<Record<string, string>>;

  constructor(own: Readonly<Record<string, string>> = {}) {
    this.#own = own;
    const entries = Object.entries(this.variables("0".repeat(32)));
    this.texts = new Texts(entries.map(([name, value]) => `${name}=${value}`));
    const trace = entries.findIndex(([name]) => name === TRACE_ID);
    if (!(TRACE_ID in own)) this.traceIdAt = this.texts.starts[trace]! + TRACE_ID.length + 1;
  }

  /**
   * Returns the variables of a sandbox.
   *
   * @param id Id of the sandbox: 32 hexadecimal digits.
   */
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
