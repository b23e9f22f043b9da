import { discard } from "../../service/http/bytes.ts";
import type { Exchange } from "../../service/http/exchange.ts";
import { HeaderList } from "../../service/http/headers.ts";
import { splitUrl } from "../../service/http/url.ts";
import { EXPOSITION_TYPE } from "./prometheus.ts";

/** State of the process. It accepts new requests in `ok` only. */
type Health = "starting" | "ok" | "draining";

const PLAIN = "text/plain; charset=utf-8";

/**
 * Returns all metrics, in Prometheus's text format.
 *
 * @param query Query of the URL, with its question mark.
 */
export type RenderMetrics = (query: string) => string | Promise<string>;

/** Handler of `--admin`: serves `/healthz` and `/metrics`. */
export class Admin {
  readonly #metrics: RenderMetrics;
  #health: Health = "starting";
  #look: (() => Promise<string>) | undefined;

  constructor(metrics: RenderMetrics) {
    this.#metrics = metrics;
  }

  /**
   * Sets the state to `ok`: requests are served from now on.
   *
   * @param look Resolves to `ok`, or to the reason why new requests are not accepted.
   */
  serve(look: () => Promise<string>): void {
    this.#look = look;
    this.#health = "ok";
  }

  /** Sets the state to `draining`: the process is about to end. */
  drain(): void {
    this.#health = "draining";
  }

  /** Answers one exchange: `/healthz` with 200 and `ok`, or with 503 and the state; `/metrics` with all metrics. */
  async answer(exchange: Exchange): Promise<void> {
    const { status, text, type = PLAIN, fields = [] } = await this.#answerTo(exchange);
    const body = new TextEncoder().encode(text);
    const headers = [
      "content-type",
      type,
      "content-length",
      `${body.length}`,
      "cache-control",
      "no-store",
      ...fields,
    ];
    discard(exchange.body);
    exchange.respond({ status, headers: new HeaderList(headers) }, body);
  }

  async #answerTo({ head: { method, url } }: Exchange): Promise<Answer> {
    const { path, query } = splitUrl(url);
    if (path !== "/healthz" && path !== "/metrics") {
      return { status: 404, text: "There are /healthz and /metrics\n" };
    }
    if (method !== "GET" && method !== "HEAD") {
      return {
        status: 405,
        text: "Only GET and HEAD are possible\n",
        fields: ["allow", "GET, HEAD"],
      };
    }
    if (path === "/healthz") {
      const health = await this.#lookAtHealth();
      return { status: health === "ok" ? 200 : 503, text: `${health}\n` };
    }
    const text = await this.#metrics(query);
    return { status: 200, text, type: EXPOSITION_TYPE };
  }

  /** Returns the state; a process that serves, but accepts no connections, is not healthy. */
  async #lookAtHealth(): Promise<string> {
    return this.#health === "ok" && this.#look ? await this.#look() : this.#health;
  }
}

interface Answer {
  readonly status: number;
  readonly text: string;
  /** By default plain text. */
  readonly type?: string;
  readonly fields?: readonly string[];
}
