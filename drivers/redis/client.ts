import type { Buffer } from "node:buffer";

/**
 * Part of the package `@redis/client` that is used. Its own types are not imported: installing fastlike would download it.
 */
export interface Client {
  createClient(options: object): Connection;
  createCluster(options: {
    readonly rootNodes: { readonly socket: object }[];
    readonly defaults: object;
    readonly RESP: 2;
  }): Cluster;
  readonly RESP_TYPES: { readonly BLOB_STRING: number };
}

/** Package of the client. */
export const CLIENT = "npm:@redis/client@6.3.1";

interface Connected {
  connect(): Promise<unknown>;
  destroy(): void;
  on(event: "error", listener: (error: Error) => void): unknown;
}

interface Connection extends Connected {
  sendCommand(args: (string | Buffer)[]): Promise<unknown>;
}

interface Cluster extends Connected {
  sendCommand(
    firstKey: string | Buffer | undefined,
    isReadonly: boolean,
    args: (string | Buffer)[],
    options: object,
  ): Promise<unknown>;
}
