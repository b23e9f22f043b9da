import type { ClientFacts, FactsOverride } from "../service/client/client_facts.ts";
import { type Device, type DeviceLookup, parseDevice } from "../service/client/device.ts";
import type { FactsProvider } from "../service/client/facts.ts";
import { defaultGeo, type Geo, type GeoLookup, loopbackGeo } from "../service/client/geo.ts";
import type { ServiceOptions } from "../service/options.ts";
import { TestExchange } from "./exchange.ts";
import type { TestClient } from "./options.ts";

interface Found {
  readonly exchange: TestExchange;
  readonly address: string;
  /** The User-Agent field. */
  readonly agent: string;
  readonly geo: Geo | undefined;
  readonly device: Device | undefined;
}

/** Facts about clients that a test has set, which precede those of the service's options. */
export class Clients {
  /** Client of all requests. */
  all: TestClient;
  /** Requests under way, the newest first, with the results of look-ups for their clients. */
  #found: readonly Found[] = [];
  readonly #options: Pick<ServiceOptions, "clientFacts" | "geo" | "devices">;

  constructor(all: TestClient, options: Pick<ServiceOptions, "clientFacts" | "geo" | "devices">) {
    this.all = all;
    this.#options = options;
  }

  /** Options of the service that return the facts of the test. */
  get options(): Pick<ServiceOptions, "clientFacts" | "geo" | "devices"> {
    const { geo = loopbackGeo, devices = parseDevice } = this.#options;
    return {
      clientFacts: this.#facts,
      geo:
        ((ip) =>
          this.#found.find(({ address }) => address === ip)?.geo ?? geo(ip)) satisfies GeoLookup,
      devices: ((field) =>
        this.#found.find(({ agent }) => agent === field)?.device ??
          devices(field)) satisfies DeviceLookup,
    };
  }

  /** @param one Facts about the client of this request, in addition to those for all. */
  exchange(request: Request, one: TestClient = {}): TestExchange {
    const { ip, geo, device, ...facts } = { ...this.all, ...one };
    const address = ip ?? "127.0.0.1";
    const exchange = new TestExchange(request, {
      ...facts,
      ...ip !== undefined && { address: ip },
    });
    this.#found = [{
      exchange,
      address,
      agent: request.headers.get("user-agent") ?? "",
      // SDKs take no record that lacks anything.
      geo: geo && { ...defaultGeo(address), ...geo },
      device,
    }, ...this.#found];
    return exchange;
  }

  /** Forgets a request whose guest has ended. */
  ended(exchange: TestExchange): void {
    this.#found = this.#found.filter((one) => one.exchange !== exchange);
  }

  readonly #facts: FactsProvider = (exchange) => {
    const { clientFacts } = this.#options;
    const given = typeof clientFacts === "function" ? clientFacts(exchange) : clientFacts;
    const own = exchange instanceof TestExchange ? exchange.override : {};
    return merged(given ?? {}, own);
  };
}

function merged(given: FactsOverride, own: FactsOverride): FactsOverride {
  const group = <K extends "tls" | "bot" | "proxy" | "visits">(name: K): Partial<ClientFacts> =>
    given[name] && own[name] ? { [name]: { ...given[name], ...own[name] } } : {};
  return {
    ...given,
    ...own,
    ...group("tls"),
    ...group("bot"),
    ...group("proxy"),
    ...group("visits"),
  };
}
