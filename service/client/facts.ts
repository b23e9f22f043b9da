import type { ClientFacts, FactsOverride } from "./client_facts.ts";
import type { Exchange } from "../http/exchange.ts";
import { FACT_NAMES, readFacts } from "./fact_fields.ts";
import type { HeaderList } from "../http/headers.ts";

const decoder = new TextDecoder();

/**
 * Returns facts of a client that override those of the server. If it throws, the error is logged and the server's facts
 * are used.
 */
export type FactsProvider = (
  exchange: Pick<Exchange, "head" | "client">,
) => FactsOverride | undefined;

/** Options for facts of clients. */
interface FactsOptions {
  readonly clientFacts?: FactsOverride | FactsProvider;
  readonly factsPrefix?: string;
  readonly botHeaders?: boolean;
}

/**
 * Gathers the facts of a client: the server's, then `clientFacts`, then the request's `x-fastly-bot-*` and prefixed
 * fields if options allow them. Later ones override earlier ones, fact by fact.
 *
 * @param wrong Called for a prefixed field whose value is not valid.
 */
export function gatherFacts(
  exchange: Pick<Exchange, "head" | "client">,
  { clientFacts, factsPrefix, botHeaders = factsPrefix !== undefined }: FactsOptions,
  wrong: (field: string, expected: string) => void,
): ClientFacts {
  const { client, head: { headers } } = exchange;
  const given = typeof clientFacts === "function" ? clientFacts(exchange) : clientFacts;
  let facts = given ? merge(client, given) : client;
  const bot = botHeaders ? botFields(headers) : undefined;
  if (bot) facts = merge(facts, { bot });
  if (factsPrefix === undefined) return facts;
  const prefix = factsPrefix.toLowerCase();
  const names = new Set(headers.names());
  if (!FACT_NAMES.some((name) => names.has(prefix + name))) return facts;
  return merge(
    facts,
    readFacts(
      (name) => textOf(headers, prefix + name),
      (name, expected) => wrong(prefix + name, expected),
    ),
  );
}

/** Returns facts of bots from fields, as Viceroy reads them: only the text `true` is true. */
function botFields(headers: HeaderList): ClientFacts["bot"] | undefined {
  const field = (name: string) => textOf(headers, `x-fastly-bot-${name}`);
  const [analyzed, detected, verified] = ["analyzed", "detected", "verified"].map(field);
  const name = field("name");
  const category = field("category");
  const bot = {
    ...analyzed !== undefined && { analyzed: analyzed === "true" },
    ...detected !== undefined && { detected: detected === "true" },
    ...verified !== undefined && { verified: verified === "true" },
    ...name !== undefined && { name },
    ...category !== undefined && { category },
  };
  return Object.keys(bot).length ? bot : undefined;
}

function merge(facts: ClientFacts, more: FactsOverride): ClientFacts {
  return {
    ...facts,
    ...more,
    ...inner("tls"),
    ...inner("bot"),
    ...inner("proxy"),
    ...inner("visits"),
  };

  function inner(group: "tls" | "bot" | "proxy" | "visits"): FactsOverride {
    return facts[group] && more[group] ? { [group]: { ...facts[group], ...more[group] } } : {};
  }
}

/** Returns a field's value, decoded as UTF-8. */
function textOf(headers: HeaderList, name: string): string | undefined {
  const value = headers.get(name);
  return value === undefined
    ? undefined
    : decoder.decode(Uint8Array.from(value, (char) => char.charCodeAt(0)));
}
