/**
 * Registry of the functions that components may import, of `fastly:compute` and WASI 0.2, by interface and name.
 *
 * @module
 */
import type { InstanceContext, Sandbox } from "../../handles/sandbox.ts";
import { Stop } from "../../handles/stop.ts";
import { describe, HostError } from "../../service/errors.ts";
import { shownName } from "../../service/util/shown_name.ts";
import {
  backendFunctions,
  imageOptimizerFunctions,
  securityFunctions,
  shieldingFunctions,
} from "./backends.ts";
import { cacheFunctions, httpCacheFunctions, purgeFunctions } from "./caches.ts";
import {
  type Converters,
  convertersOf,
  dropNumber,
  type Implementation,
  type Implementations,
} from "./define.ts";
import { errorValue } from "./errors.ts";
import {
  httpBodyFunctions,
  httpDownstreamFunctions,
  httpReqFunctions,
  httpRespFunctions,
} from "./http.ts";
import { asyncIoFunctions, computeRuntimeFunctions } from "./runtime.ts";
import {
  aclFunctions,
  configStoreFunctions,
  deviceDetectionFunctions,
  dictionaryFunctions,
  erlFunctions,
  geoFunctions,
  kvStoreFunctions,
  logFunctions,
  secretStoreFunctions,
} from "./stores.ts";
import { WASI_FUNCTIONS } from "./wasi.ts";
import { type Comparable, isSame, type Signature, signatureOf, type WitType } from "./wit.ts";

/** Implementations of all functions, by interface (without its version) and name. */
export const FUNCTIONS: Readonly<Record<string, Implementations>> = {
  "fastly:compute/acl": aclFunctions,
  "fastly:compute/async-io": asyncIoFunctions,
  "fastly:compute/backend": backendFunctions,
  "fastly:compute/cache": cacheFunctions,
  "fastly:compute/compute-runtime": computeRuntimeFunctions,
  "fastly:compute/config-store": configStoreFunctions,
  "fastly:compute/device-detection": deviceDetectionFunctions,
  "fastly:compute/dictionary": dictionaryFunctions,
  "fastly:compute/erl": erlFunctions,
  "fastly:compute/geo": geoFunctions,
  "fastly:compute/http-body": httpBodyFunctions,
  "fastly:compute/http-cache": httpCacheFunctions,
  "fastly:compute/http-downstream": httpDownstreamFunctions,
  "fastly:compute/http-req": httpReqFunctions,
  "fastly:compute/http-resp": httpRespFunctions,
  "fastly:compute/image-optimizer": imageOptimizerFunctions,
  "fastly:compute/kv-store": kvStoreFunctions,
  "fastly:compute/log": logFunctions,
  "fastly:compute/purge": purgeFunctions,
  "fastly:compute/secret-store": secretStoreFunctions,
  "fastly:compute/security": securityFunctions,
  "fastly:compute/shielding": shieldingFunctions,
  ...WASI_FUNCTIONS,
};

/** Function for an import of a component, with values of the component model. */
interface BoundFunction {
  readonly suspends: boolean;
  call(args: readonly unknown[]): unknown;
}

/** Type of a function that a component imports. */
interface FunctionShape {
  readonly names: readonly string[];
  readonly params: readonly Comparable[];
  readonly result: Comparable | undefined;
}

/** Known versions of packages. Later versions of the same track may only add functions. */
const TRACKS: Readonly<Record<string, RegExp>> = {
  "fastly:compute": /^0\.1\.\d+$/,
  "wasi": /^0\.2\.\d+$/,
};

/** Returns the name of an interface without its version; undefined if the version is not known. */
export function interfaceOf(name: string): string | undefined {
  const [path = "", version] = name.split("@");
  const track = path.startsWith("wasi:") ? TRACKS.wasi : TRACKS[path.split("/")[0] ?? ""];
  return version !== undefined && track?.test(version) ? path : undefined;
}

function implementationOf(from: string, name: string): Implementation | undefined {
  if (!Object.hasOwn(FUNCTIONS, from) || !Object.hasOwn(FUNCTIONS[from]!, name)) return undefined;
  return FUNCTIONS[from]![name];
}

/**
 * Binds a function that a component imports. One that this host does not know ends the guest when it is called, with an
 * error that names it.
 *
 * @param context Context of the component's instance.
 * @param trace Whether calls are logged.
 * @param refuseUnknown Whether a function that this host does not know is refused here.
 * @throws {Error} If the component declares another type than the function has. The message completes "because".
 */
export function bindFunction(
  context: InstanceContext,
  from: string,
  name: string,
  type: FunctionShape,
  trace: boolean,
  refuseUnknown = false,
): BoundFunction {
  const known = interfaceOf(from) ?? "";
  const implementation = implementationOf(known, name);
  const signature = implementation && signatureOf(known, name);
  if (!implementation || !signature) {
    if (refuseUnknown) {
      throw new Error(`it imports ${shown(from, name)}, which this host does not know`);
    }
    return unknownFunction(context, from, name);
  }
  if (!isSameFunction(type, signature)) {
    throw new Error(`it imports ${shown(from, name)} with another type than that has`);
  }
  const call = binding(context, `${known}.${name}`, implementation, signature);
  return {
    suspends: implementation.suspends,
    call: trace ? traced(context, from, name, call) : call,
  };
}

function shown(from: string, name: string): string {
  return `${shownName(from)}.${shownName(name)}`;
}

function isSameFunction({ params, result }: FunctionShape, signature: Signature): boolean {
  return params.length === signature.params.length &&
    params.every((param, i) => isSame(param, signature.params[i])) &&
    isSame(result, signature.result);
}

type Call = BoundFunction["call"];

function binding(
  context: InstanceContext,
  name: string,
  { run, suspends, byNumber = false }: Implementation,
  signature: Signature,
): Call {
  const converters = convertersOf(signature, byNumber);
  const body = run as (sandbox: Sandbox, ...values: unknown[]) => unknown;
  const { result } = signature;
  const fails = result?.kind === "result";
  return (args) => {
    const { sandbox } = context;
    sandbox.requests.metrics.hostcalls++;
    sandbox.execution.checkStopped();
    const done = (value: unknown) => {
      const written = converters.write(sandbox, value, args);
      return fails ? { ok: true, value: written } : written;
    };
    const refused = (error: unknown) => {
      converters.release(sandbox, args);
      return failure(sandbox, name, converters, result, error);
    };
    try {
      const value = body(sandbox, ...converters.read(sandbox, args));
      if (!(value instanceof Promise)) return done(value);
      if (!suspends) throw new TypeError("Cannot wait in a function: make it with suspending()");
      return sandbox.execution.suspend(value).then(done).catch(refused);
    } catch (error) {
      return refused(error);
    }
  };
}

/** Converts an error to the result of a function; throws if the function's type has no errors. */
function failure(
  sandbox: Sandbox,
  name: string,
  { ok }: Converters,
  result: WitType | undefined,
  error: unknown,
): unknown {
  if (error instanceof Stop) throw error;
  if (sandbox.execution.stopped) throw sandbox.execution.stopped;
  const refused = error instanceof HostError;
  if (!refused) {
    sandbox.service.report(
      "error",
      `A hostcall failed: ${describe(error)}`,
      sandbox.requests.current.id,
    );
  } else if (error.limit) sandbox.requests.quota.note(error);
  const absent = refused && error.kind === "absent" && ok?.kind === "option";
  if (result?.kind === "result") {
    return absent
      ? { ok: true, value: undefined }
      : { ok: false, value: errorValue(sandbox, result.parts[1], error) };
  }
  if (absent) return undefined;
  throw new Error(`${name} was refused: ${(error as Error).message}`);
}

function unknownFunction(context: InstanceContext, from: string, name: string): BoundFunction {
  return {
    suspends: false,
    call() {
      context.sandbox?.execution.checkStopped();
      throw new Error(`Cannot call ${shown(from, name)}: this host does not know the import`);
    },
  };
}

/** Wraps a function so that each call is logged. */
function traced(context: InstanceContext, from: string, name: string, call: Call): Call {
  return (args) => {
    const { service, requests: { current: { id } } } = context.sandbox;
    const began = service.clock.elapsed();
    const log = () =>
      service.log({
        kind: "hostcall",
        requestId: id,
        module: from,
        name,
        args: args.filter((arg) => typeof arg === "number" || typeof arg === "bigint"),
        status: undefined,
        micros: Math.round((service.clock.elapsed() - began) * 1000),
      });
    const value = call(args);
    if (value instanceof Promise) value.then(log, log);
    else log();
    return value;
  };
}

/** Drops the object of a handle that a component has dropped. */
export function dropResource({ sandbox }: InstanceContext, number: number): void {
  dropNumber(sandbox, number);
}
