/**
 * The client of Redis, a package of some megabytes. Loaded when a store is opened, so nothing that is loaded earlier may
 * import it but for its types.
 *
 * @module
 */
export { createClient, createCluster, ErrorReply, RESP_TYPES } from "npm:@redis/client@6.3.1";
