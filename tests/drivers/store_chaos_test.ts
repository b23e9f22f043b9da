import "../time_limit.ts";
import { redisTest } from "./redis/_redis.ts";
import { storeChaos } from "./store_chaos.ts";

redisTest(
  "two hosts lose nothing over a store that is stopped, killed, slowed and filled",
  async () => {
    await storeChaos(0);
  },
);
