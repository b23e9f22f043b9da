import { collect } from "../service/http/bytes.ts";
import type { BackendRequest, BackendResponse } from "../service/backends/transport.ts";
import { HttpVersion } from "../service/http/exchange.ts";
import { HeaderList } from "../service/http/headers.ts";

/** Content of a message: a text if it is UTF-8, else Base64. */
export type FixtureBody = string | { readonly base64: string };

/** Recorded request to a backend, with its response. */
export interface Fixture {
  /** Request of the guest. Replay matches method, path and content. */
  readonly request: {
    readonly method: string;
    /** Path and query. */
    readonly path: string;
    readonly headers: readonly (readonly [name: string, value: string])[];
    readonly body?: FixtureBody;
  };
  /** Response of the backend. */
  readonly response: {
    readonly status: number;
    readonly headers: readonly (readonly [name: string, value: string])[];
    readonly body?: FixtureBody;
  };
}

/** Storage of recorded requests and responses. */
export interface FixtureStore {
  /** Loads the records of a backend; undefined if there are none. */
  load(backend: string): Promise<readonly Fixture[] | undefined>;
  /** Replaces the records of a backend. */
  save(backend: string, fixtures: readonly Fixture[]): Promise<void>;
}

/** Options of {@linkcode memoryFixtures} and of `folderFixtures`. */
export interface FixtureOptions {
  /** Whether values of `authorization`, `cookie`, `set-cookie` and similar fields are kept. By default they are left out. */
  readonly secrets?: boolean;
}

const SECRETS =
  /^(authorization|proxy-authorization|cookie|set-cookie|fastly-key|x-api-key|x-auth-token)$/i;
const REDACTED = "(left out)";

/** Makes a store in memory, for the life of the process. */
export function memoryFixtures(options: FixtureOptions = {}): FixtureStore {
  const kept = new Map<string, readonly Fixture[]>();
  return {
    load: (backend) => Promise.resolve(kept.get(backend)),
    save(backend, fixtures) {
      kept.set(backend, options.secrets ? fixtures : fixtures.map(withoutSecrets));
      return Promise.resolve();
    },
  };
}

/** Returns a fixture without the values of fields that hold secrets. */
export function withoutSecrets({ request, response }: Fixture): Fixture {
  const redacted = (fields: Fixture["request"]["headers"]) =>
    fields.map(([name, value]) => [name, SECRETS.test(name) ? REDACTED : value] as const);
  return {
    request: { ...request, headers: redacted(request.headers) },
    response: { ...response, headers: redacted(response.headers) },
  };
}

/** Reads a response to its end. Returns its record, and the response with its content. */
export async function noteResponse(
  request: BackendRequest,
  content: Uint8Array,
  response: BackendResponse,
): Promise<{ readonly fixture: Fixture; readonly response: BackendResponse }> {
  const body = await collect(response.body);
  return {
    fixture: {
      request: {
        method: request.method,
        path: request.target,
        headers: [...request.headers],
        ...content.length && { body: written(content) },
      },
      response: {
        status: response.status,
        headers: [...response.headers],
        ...body.length && { body: written(body) },
      },
    },
    response: { ...response, body },
  };
}

/** Replay of the records of one backend. */
export class Replay {
  readonly #fixtures: readonly Fixture[];
  readonly #used = new Set<Fixture>();

  constructor(fixtures: readonly Fixture[]) {
    this.#fixtures = fixtures;
  }

  /** Returns a response to a request: those of equal requests in order, then the last again; undefined if there is none. */
  answer(request: BackendRequest, content: Uint8Array): BackendResponse | undefined {
    const body = JSON.stringify(content.length ? written(content) : undefined);
    const fitting = this.#fixtures.filter(({ request: one }) =>
      one.method === request.method && one.path === request.target &&
      JSON.stringify(one.body) === body
    );
    const fixture = fitting.find((one) => !this.#used.has(one)) ?? fitting.at(-1);
    if (!fixture) return undefined;
    this.#used.add(fixture);
    const { status, headers, body: content_ } = fixture.response;
    return {
      status,
      version: HttpVersion.http11,
      headers: new HeaderList(headers.flat()),
      body: read(content_),
      peer: undefined,
    };
  }
}

function written(bytes: Uint8Array): FixtureBody {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { base64: bytes.toBase64() };
  }
}

function read(body: FixtureBody | undefined): Uint8Array {
  if (body === undefined) return new Uint8Array();
  return typeof body === "string"
    ? new TextEncoder().encode(body)
    : Uint8Array.fromBase64(body.base64);
}
