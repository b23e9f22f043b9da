import { collect } from "../service/http/bytes.ts";
import type { BackendRequest, BackendResponse } from "../service/backends/transport.ts";
import { HttpVersion } from "../service/http/exchange.ts";
import { HeaderList } from "../service/http/headers.ts";

/** Content as it is written down: a text where it is UTF-8. */
export type FixtureBody = string | { readonly base64: string };

/** One request to a backend and what it answered. */
export interface Fixture {
  /** What the guest sent. A request is found again by method, path and content. */
  readonly request: {
    readonly method: string;
    /** Path and query. */
    readonly path: string;
    readonly headers: readonly (readonly [name: string, value: string])[];
    readonly body?: FixtureBody;
  };
  /** What the backend answered. */
  readonly response: {
    readonly status: number;
    readonly headers: readonly (readonly [name: string, value: string])[];
    readonly body?: FixtureBody;
  };
}

/** Where recorded requests and responses are kept. */
export interface FixtureStore {
  /** What was recorded of a backend; undefined if nothing was. */
  load(backend: string): Promise<readonly Fixture[] | undefined>;
  /** Puts in place of what there was of the backend. */
  save(backend: string, fixtures: readonly Fixture[]): Promise<void>;
}

/** How {@linkcode memoryFixtures} and the folders of `testing/files.ts` keep what was recorded. */
export interface FixtureOptions {
  /** Whether the values of `authorization`, `cookie`, `set-cookie` and the like are kept. By default they are left out. */
  readonly secrets?: boolean;
}

const SECRETS =
  /^(authorization|proxy-authorization|cookie|set-cookie|fastly-key|x-api-key|x-auth-token)$/i;
const REDACTED = "(left out)";

/** Keeps what was recorded for as long as the process lives. */
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

/** The fixture without the values of the fields that hold secrets. */
export function withoutSecrets({ request, response }: Fixture): Fixture {
  const redacted = (fields: Fixture["request"]["headers"]) =>
    fields.map(([name, value]) => [name, SECRETS.test(name) ? REDACTED : value] as const);
  return {
    request: { ...request, headers: redacted(request.headers) },
    response: { ...response, headers: redacted(response.headers) },
  };
}

/** Notes a response; answers it with its content at hand, which is read to its end first. */
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

/** What was recorded of one backend, to be answered from. */
export class Replay {
  readonly #fixtures: readonly Fixture[];
  readonly #used = new Set<Fixture>();

  constructor(fixtures: readonly Fixture[]) {
    this.#fixtures = fixtures;
  }

  /** The response to a request: those to the same request one after the other, then the last again. */
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
