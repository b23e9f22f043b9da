import type { ServiceFlags } from "../../cli/args.ts";

/** What the command line says of a service when nobody says anything. */
export const NO_FLAGS: ServiceFlags = {
  backends: {},
  catchAll: undefined,
  config: undefined,
  env: undefined,
  kvStores: {},
  persist: undefined,
  configStores: {},
  secretStores: {},
  acls: {},
  geo: undefined,
  device: undefined,
  logEndpoints: {},
  logFormat: "text",
  limits: {},
  guestEnv: {},
  verbosity: 0,
  cache: true,
  loopGuard: false,
  allowUnlimited: false,
  trustProxy: [],
  errors: undefined,
  imageOptimizer: true,
  reuse: "auto",
  viceroy: { captured: { stdout: false, stderr: false }, options: {}, notes: [] },
};
