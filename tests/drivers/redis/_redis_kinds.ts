import { type Redis, startRedis } from "./_redis.ts";

/** A server that is all of a Cluster. */
export async function startCluster(): Promise<Redis> {
  const server = await startRedis({
    settings: { "cluster-enabled": "yes", "cluster-announce-ip": "127.0.0.1" },
  });
  await server.ask("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  while (!(await server.ask("CLUSTER", "INFO")).includes("cluster_state:ok")) await pause();
  return server;
}

/** A server with a replica, and the Sentinel that watches them. */
interface Watched extends AsyncDisposable {
  readonly master: Redis;
  readonly replica: Redis;
  readonly sentinel: Redis;
  readonly url: string;
}

/** Name by which the Sentinel knows the server. */
const MASTER = "main";

export async function startSentinel(): Promise<Watched> {
  const master = await startRedis({});
  const replica = await startRedis({ lines: [`replicaof 127.0.0.1 ${master.port}`] });
  while (!(await master.ask("INFO", "replication")).includes("state=online")) await pause();
  const sentinel = await startRedis({
    program: "redis-sentinel",
    lines: [
      `sentinel monitor ${MASTER} 127.0.0.1 ${master.port} 1`,
      `sentinel down-after-milliseconds ${MASTER} 500`,
      `sentinel failover-timeout ${MASTER} 2000`,
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
