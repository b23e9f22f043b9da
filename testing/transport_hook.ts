import { messageOf, SendError } from "../service/errors.ts";
import type { BackendHandler } from "../service/backends/definition.ts";
import { handlerTransport } from "../service/backends/handler_transport.ts";
import { collect } from "../service/http/bytes.ts";
import type {
  BackendRequest,
  BackendResponse,
  RequestInFlight,
  Transport,
  TransportHook,
} from "../service/backends/transport.ts";
import { type Call, recordCall } from "./calls.ts";
import { type Fixture, type FixtureStore, noteResponse, Replay } from "./fixtures.ts";
import { MockAnswerError, unmockedFailure, UnmockedRequestError } from "./mock.ts";

/** Options of a {@linkcode TestTransportHook}. */
interface TestTransportHookOptions {
  /** Names of the backends that mocks answer for. */
  readonly mocked: ReadonlySet<string>;
  /** Names of all backends that the options define. */
  readonly defined: ReadonlySet<string>;
  /** Whether a mock answers for the names that nothing defines. */
  readonly mocksRest: boolean;
  /** Handlers for backends that guests register, by their origin, as `https://example.com`. */
  readonly origins: ReadonlyMap<string, BackendHandler>;
  /** Answers for backends that guests register and that nothing else answers for. */
  readonly others: BackendHandler | undefined;
  readonly record: FixtureStore | undefined;
  readonly replay: FixtureStore | undefined;
  /** Called with a request that nothing answers, or a mock with no usable answer, and the id of the client's request. */
  readonly unanswered: (
    error: UnmockedRequestError | MockAnswerError,
    requestId: string | undefined,
  ) => void;
  /** Called with an exception of a handler. */
  readonly failed: (backend: string, error: unknown) => void;
  /** Called at each request, response and chunk of a body. */
  readonly changed: () => void;
}

/** Hook on every request to a backend: records it for the test, and routes it to a mock, a replay or the real backend. */
export class TestTransportHook implements TransportHook {
  readonly calls: Call[] = [];
  readonly #options: TestTransportHookOptions;
  readonly #recorded = new Map<string, Fixture[]>();
  readonly #replays = new Map<string, Promise<Replay>>();

  constructor(options: TestTransportHookOptions) {
    this.#options = options;
  }

  wrap(transport: Transport, backend: string, url: string | undefined): Transport {
    const target = this.#transportFor(transport, backend, url);
    const { upgrade } = target;
    return {
      send: (request) => {
        const { request: sent, note } = this.#note(backend, request);
        return note(target.send(sent));
      },
      ...upgrade && {
        upgrade: (request: BackendRequest) => {
          const { request: sent } = this.#note(backend, request);
          return upgrade.call(target, sent);
        },
      },
      close: () => target.close(),
    };
  }

  missing(
    backend: string,
    request: { readonly method: string; readonly url: string; readonly requestId: string },
  ): void {
    this.#options.unanswered(new UnmockedRequestError(backend, request), request.requestId);
  }

  /** Saves recorded responses. */
  async save(): Promise<void> {
    const { record } = this.#options;
    for (const [backend, fixtures] of this.#recorded) await record?.save(backend, fixtures);
  }

  #note(backend: string, request: BackendRequest) {
    const { changed, unanswered } = this.#options;
    changed();
    const recorded = recordCall(backend, request, changed);
    this.calls.push(recorded.call);
    const note = (inFlight: RequestInFlight): RequestInFlight => {
      inFlight.response.then(changed, (error) => {
        changed();
        if (!(error instanceof SendError && isForTest(error.cause))) return;
        error.told = true;
        unanswered(error.cause, request.requestId);
      });
      return inFlight;
    };
    return { request: recorded.request, note };
  }

  #transportFor(transport: Transport, backend: string, url: string | undefined): Transport {
    const { mocked, mocksRest, defined, origins, others, record, replay, failed } = this.#options;
    if (url === undefined && (mocked.has(backend) || (mocksRest && !defined.has(backend)))) {
      return transport;
    }
    const handler = url === undefined ? undefined : origins.get(new URL(url).origin) ?? others;
    if (handler) return handlerTransport(handler, (error) => failed(backend, error));
    if (replay) return this.#replaying(backend, replay);
    if (record) return this.#recording(backend, transport);
    return url === undefined ? transport : refusing(backend);
  }

  #recording(backend: string, transport: Transport): Transport {
    return {
      ...transport,
      send: (request) => {
        const inFlight = transport.send(request);
        const response = inFlight.response.then(async (answered) => {
          const content = await collect(request.body);
          const noted = await noteResponse(request, content, answered);
          const fixtures = this.#recorded.get(backend) ?? [];
          this.#recorded.set(backend, fixtures);
          fixtures.push(noted.fixture);
          return noted.response;
        });
        response.catch(() => {}); // the caller gets the rejection
        return { response, cancel: () => inFlight.cancel() };
      },
      close: () => transport.close(),
    };
  }

  #replaying(backend: string, store: FixtureStore): Transport {
    return answering(async (request) => {
      const known = this.#replays.get(backend) ??
        store.load(backend).then((fixtures) => new Replay(fixtures ?? []), unreadable);
      this.#replays.set(backend, known);
      const content = await collect(request.body);
      const why = "has no recorded response";
      return (await known).answer(request, content) ??
        refuse(new UnmockedRequestError(backend, request, why, "Record it again, or add a mock"));
    });
  }
}

/** Whether an error is a fault of the test. */
function isForTest(error: unknown): error is UnmockedRequestError | MockAnswerError {
  return error instanceof UnmockedRequestError || error instanceof MockAnswerError;
}

function refusing(backend: string): Transport {
  return answering((request) => refuse(new UnmockedRequestError(backend, request)));
}

function refuse(error: UnmockedRequestError): never {
  throw unmockedFailure(error);
}

/** Fails the request, and the test, for fixtures that cannot be read. */
function unreadable(error: unknown): never {
  const cause = new MockAnswerError(messageOf(error));
  throw new SendError("internal_error", cause.message, { cause });
}

function answering(
  answer: (request: BackendRequest) => BackendResponse | Promise<BackendResponse>,
): Transport {
  return {
    send(request) {
      const { promise, resolve, reject } = Promise.withResolvers<BackendResponse>();
      promise.catch(() => {}); // the caller gets the rejection
      // The guest that asks may run on: nothing is answered before it pauses.
      Promise.resolve().then(() => answer(request)).then(resolve, reject);
      const cancelled = new SendError("connection_terminated", "The request was cancelled");
      return { response: promise, cancel: () => reject(cancelled) };
    },
    close() {},
  };
}
