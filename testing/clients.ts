import type { ClientFacts, FactsOverride } from "../service/client/client_facts.ts";
import { type Device, type DeviceLookup, parseDevice } from "../service/client/device.ts";
import type { FactsProvider } from "../service/client/facts.ts";
import { defaultGeo, type Geo, type GeoLookup, loopbackGeo } from "../service/client/geo.ts";
import type { ServiceOptions } from "../service/options.ts";
import { TestExchange } from "./exchange.ts";
import type { TestClient } from "./options.ts";

/** What tests say of clients, ahead of what the options of the service say. */
export class Clients {
  /** What all requests come from. */
  all: TestClient;
  readonly #geos = new Map<string, Geo>();
  readonly #devices = new Map<string, Device>();
  readonly #options: Pick<ServiceOptions, "clientFacts" | "geo" | "devices">;

  constructor(all: TestClient, options: Pick<ServiceOptions, "clientFacts" | "geo" | "devices">) {
    this.all = all;
    this.#options = options;
  }

  /** The options of the service that tell what tests say. */
  get options(): Pick<ServiceOptions, "clientFacts" | "geo" | "devices"> {
    const { geo = loopbackGeo, devices = parseDevice } = this.#options;
    return {
      clientFacts: this.#facts,
      geo: ((address) => this.#geos.get(address) ?? geo(address)) satisfies GeoLookup,
      devices: ((agent) => this.#devices.get(agent) ?? devices(agent)) satisfies DeviceLookup,
    };
  }

  /** @param one What is said of the client of this request, on top of what is said of all. */
  exchange(request: Request, one: TestClient = {}): TestExchange {
    const { ip, geo, device, ...facts } = { ...this.all, ...one };
    const address = ip ?? "127.0.0.1";
    // SDKs take no record that lacks anything.
    if (geo) this.#geos.set(address, { ...defaultGeo(address), ...geo });
    if (device) this.#devices.set(request.headers.get("user-agent") ?? "", device);
    return new TestExchange(request, { ...facts, ...ip !== undefined && { address: ip } });
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
