import { discard } from "../../service/http/bytes.ts";
import type { Exchange } from "../../service/http/exchange.ts";
import { HeaderList } from "../../service/http/headers.ts";
import { splitUrl } from "../../service/http/url.ts";
import type { Listener } from "../../server/listen_options.ts";
import { Metrics } from "./metrics.ts";
import type { LoadedProgram } from "../program.ts";
import { EXPOSITION_TYPE } from "./prometheus.ts";

/** State of the process. New requests are welcome in `ok` only. */
type Health = "starting" | "ok" | "draining";

const PLAIN = "text/plain; charset=utf-8";

/** Handler of `--admin`: serves `/healthz` and `/metrics`. */
export class Admin {
  readonly metrics: Metrics = new Metrics();
  #health: Health = "starting";
  #program: Pick<LoadedProgram, "status"> | undefined;
  #listener: Pick<Listener, "connections" | "accepts"> | undefined;

  /** Sets the state to `ok`: requests are served from now on. */
  serve(
    program: Pick<LoadedProgram, "status">,
    listener: Pick<Listener, "connections" | "accepts">,
  ): void {
    this.#program = program;
    this.#listener = listener;
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
    const { path } = splitUrl(url);
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
    const text = this.metrics.render(this.#program?.status(), this.#listener?.connections() ?? 0);
    return { status: 200, text, type: EXPOSITION_TYPE };
  }

  /** Returns the state, or that the port accepts no connections: such a process is not healthy. */
  async #lookAtHealth(): Promise<string> {
    if (this.#health !== "ok" || !this.#listener) return this.#health;
    return await this.#listener.accepts() ? this.#health : "not accepting connections";
  }
}

interface Answer {
  readonly status: number;
  readonly text: string;
  /** By default plain text. */
  readonly type?: string;
  readonly fields?: readonly string[];
}
