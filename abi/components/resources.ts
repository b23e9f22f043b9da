/** Classes of resources, those that the module ABI has no handles for included. @module */
import { Body } from "../../handles/body.ts";
import { CacheBusy, CacheLookup, CacheReplace } from "../../handles/cache.ts";
import { ConfigStore } from "../../handles/config_store.ts";
import { HttpCacheLookup } from "../../handles/http_cache.ts";
import {
  PendingKvDelete,
  PendingKvInsert,
  PendingKvList,
  PendingKvLookup,
} from "../../handles/kv.ts";
import { LogEndpoint } from "../../handles/log_endpoint.ts";
import { GuestRequest, GuestResponse } from "../../handles/message.ts";
import { PendingRequest } from "../../handles/pending_request.ts";
import { RequestPromise } from "../../handles/request_promise.ts";
import { Secret, SecretStore } from "../../handles/secret.ts";
import type { HandleClass } from "../../handles/table.ts";
import { Waitable } from "../../handles/waitable.ts";
import { Acl } from "../../service/stores/acl.ts";
import { KvStore } from "../../service/stores/kv/store.ts";
import type { KvEntry } from "../../service/stores/kv/store.ts";

/** Resource that is only a name: a backend, a rate counter, a penalty box. */
class NamedResource {
  constructor(readonly name: string) {}
}
export class BackendName extends NamedResource {}
export class RateCounter extends NamedResource {}
export class PenaltyBox extends NamedResource {}

/** Options that a guest sets one by one. */
export class OptionSet {
  readonly values: Record<string, unknown> = {};
}
/** Resource `products`. */
export class ProductsResource {}
/** Bot category that has no case in WIT, by its number. */
export class BotCategory {
  constructor(readonly kind: number) {}
}
/** Write options that the HTTP cache suggests for a response. */
export class SuggestedWriteOptions {
  constructor(
    readonly lifetime: {
      readonly maxAge: bigint;
      readonly initialAge: bigint;
      readonly staleWhileRevalidate: bigint;
      readonly staleIfError: bigint;
    },
    readonly varyRule: string,
    readonly surrogateKeys: string,
    readonly length: number | undefined,
  ) {}
}
/** Pollable that is always ready. */
export class ReadyPollable extends Waitable {
  override readonly ready = true;
  override whenReady(): Promise<void> {
    return Promise.resolve();
  }
  override drop(): void {}
}
/** Entry of a KV store, whose body can be taken once. */
export class KvEntryResource extends ReadyPollable {
  readonly entry: KvEntry;
  #body: Body | undefined;

  constructor(entry: KvEntry) {
    super();
    this.entry = entry;
    this.#body = Body.of(entry.value);
  }
  /** Takes the body; undefined if it has been taken. */
  takeBody(): Body | undefined {
    const body = this.#body;
    this.#body = undefined;
    return body;
  }
  override drop(): void {
    this.#body?.drop();
  }
}
/** Pollable that becomes ready when a time has passed. */
export class TimerPollable extends Waitable {
  readonly #done: Promise<void>;
  readonly #cancel: () => void;
  #ready = false;

  constructor({ done, cancel }: { readonly done: Promise<void>; cancel(): void }) {
    super();
    this.#cancel = cancel;
    this.#done = done.then(() => void (this.#ready = true));
  }
  override get ready(): boolean {
    return this.#ready;
  }
  override whenReady(): Promise<void> {
    return this.#done;
  }
  override drop(): void {
    this.#cancel();
  }
}
/** Standard input, which is empty. */
export class InputStream {}
/** Standard output or error. */
export class OutputStream {
  constructor(readonly kind: "stdout" | "stderr") {}
}
/** Classes of resources, by the name of the parameter's type. */
export const CLASSES: Readonly<Record<string, HandleClass<object>>> = {
  "body": Body,
  "pollable": Waitable,
  "pending-response": PendingRequest,
  "pending-request": RequestPromise,
  "pending-lookup": PendingKvLookup,
  "pending-insert": PendingKvInsert,
  "pending-delete": PendingKvDelete,
  "pending-list": PendingKvList,
  "pending-entry": CacheBusy,
  "request": GuestRequest,
  "response": GuestResponse,
  "endpoint": LogEndpoint,
  "dictionary": ConfigStore,
  "acl": Acl,
  "secret": Secret,
  "backend": BackendName,
  "rate-counter": RateCounter,
  "penalty-box": PenaltyBox,
  "products": ProductsResource,
  "replace-entry": CacheReplace,
  "suggested-write-options": SuggestedWriteOptions,
  "extra-bot-category": BotCategory,
  "input-stream": InputStream,
  "output-stream": OutputStream,
};

/** Classes of resources whose names occur in several interfaces. */
export const CLASSES_BY_INTERFACE: Readonly<Record<string, HandleClass<object>>> = {
  "fastly:compute/kv-store.store": KvStore,
  "fastly:compute/kv-store.entry": KvEntryResource,
  "fastly:compute/secret-store.store": SecretStore,
  "fastly:compute/config-store.store": ConfigStore,
  "fastly:compute/cache.entry": CacheLookup,
  "fastly:compute/http-cache.entry": HttpCacheLookup,
  "wasi:io/poll.pollable": Waitable,
};

/** Pollable that is ready when another waitable is, under a handle of its own. */
export class StepPollable extends Waitable {
  readonly #of: Waitable;

  constructor(of: Waitable) {
    super();
    this.#of = of;
  }
  override get ready(): boolean {
    return this.#of.ready;
  }
  override whenReady(): Promise<void> {
    return this.#of.whenReady();
  }
  override isHeldBy(run: object): boolean {
    return this.#of.isHeldBy(run);
  }
  override drop(): void {}
}
