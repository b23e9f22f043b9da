import { assertMatch } from "../../assert.ts";
import { freePort, type Redis, startRedis } from "./_redis.ts";

/** A server that is all of a Cluster. */
export async function startCluster(): Promise<Redis> {
  const server = await startNode();
  await server.ask("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  while (!(await server.ask("CLUSTER", "INFO")).includes("cluster_state:ok")) await pause();
  return server;
}

/** Starts a node of a Cluster. */
function startNode(settings: Readonly<Record<string, string>> = {}): Promise<Redis> {
  return startRedis({
    settings: {
      "cluster-enabled": "yes",
      "cluster-announce-ip": "127.0.0.1",
      "cluster-port": `${freePort()}`,
      ...settings,
    },
  });
}

/** A Cluster of three masters, each with a replica. */
export interface ClusterOfThree extends AsyncDisposable {
  readonly nodes: readonly Redis[];
  readonly url: string;
  /** The masters that have slots. */
  masters(): Promise<Redis[]>;
  /** The master that has a key's slot. */
  masterOf(key: string): Promise<Redis>;
  /** Waits until each replica has all writes of its master. */
  replicated(): Promise<void>;
}

export async function startClusterOfThree(): Promise<ClusterOfThree> {
  await using open = new AsyncDisposableStack();
  const nodes: Redis[] = [];
  for (let i = 0; i < 6; i++) {
    nodes.push(open.use(await startNode({ "cluster-node-timeout": "1500" })));
  }
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  const flags = ["--cluster-replicas", "1", "--cluster-yes"];
  const told = await nodes[0]!.ask("--cluster", "create", ...addresses, ...flags);
  assertMatch(told, /All 16384 slots covered/);
  for (const node of nodes) await until(node, "CLUSTER INFO", /cluster_state:ok/);
  const masters = async () => {
    const found: Redis[] = [];
    for (const node of nodes) {
      const roles = await node.ask("CLUSTER", "NODES");
      if (/ myself,master - .*\d-\d/.test(roles)) found.push(node);
    }
    return found;
  };
  for (const node of await masters()) await until(node, "INFO replication", /state=online/);
  const { dispose } = { dispose: open.move() };
  return {
    nodes,
    url: `redis+cluster://${addresses.slice(0, 3).join()}`,
    masters,
    async masterOf(key) {
      for (const node of await masters()) {
        if (!(await node.ask("EXISTS", key)).startsWith("MOVED")) return node;
      }
      throw new Error(`No master has the slot of ${key}`);
    },
    async replicated() {
      for (const node of await masters()) {
        await until(node, "INFO replication", /,offset=(\d+),[^]*master_repl_offset:\1\r?\n/);
      }
    },
    [Symbol.asyncDispose]: () => dispose.disposeAsync(),
  };
}

/** Asks a server again and again, until its answer is this one. */
async function until(server: Redis, command: string, answer: RegExp): Promise<void> {
  while (!answer.test(await server.ask(...command.split(" ")))) await pause();
}

/** A server with a replica, and the Sentinel that watches them. */
export interface Watched extends AsyncDisposable {
  readonly master: Redis;
  readonly replica: Redis;
  readonly sentinel: Redis;
  readonly url: string;
}

/** Name by which the Sentinel knows the server. */
const MASTER = "main";

/** Logins of {@linkcode startSentinel}. */
export interface Logins {
  /** Password of the user `app` of the servers, who has the permissions that a host needs. */
  readonly server: string;
  /** Password of the user `host` of the Sentinel. */
  readonly sentinel: string;
}

/** @param logins By default everybody may do everything. */
export async function startSentinel(logins?: Logins): Promise<Watched> {
  const all = "all-may";
  const settings = logins ? { requirepass: all, masterauth: all } : {};
  const may = "~fastlike* ~{fastlike* +@all -@admin -@dangerous";
  const user = logins ? [`user app on >${logins.server} ${may}`] : [];
  const master = await startRedis({ settings, lines: user });
  const replica = await startRedis({
    settings,
    lines: [...user, `replicaof 127.0.0.1 ${master.port}`],
  });
  while (!(await master.ask("INFO", "replication")).includes("state=online")) await pause();
  const sentinel = await startRedis({
    program: "redis-sentinel",
    settings: logins ? { requirepass: all } : {},
    lines: [
      `sentinel monitor ${MASTER} 127.0.0.1 ${master.port} 1`,
      `sentinel down-after-milliseconds ${MASTER} 500`,
      `sentinel failover-timeout ${MASTER} 2000`,
      ...logins
        ? [`sentinel auth-pass ${MASTER} ${all}`, `user host on >${logins.sentinel} +@all`]
        : [],
    ],
  });
  while (!(await sentinel.ask("SENTINEL", "REPLICAS", MASTER)).includes("name")) await pause();
  return {
    master,
    replica,
    sentinel,
    url: `redis+sentinel://127.0.0.1:${sentinel.port}/${MASTER}`,
    async [Symbol.asyncDispose]() {
      for (const one of [sentinel, replica, master]) await one[Symbol.asyncDispose]();
    },
  };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50));
}
