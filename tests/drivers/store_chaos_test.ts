import { assert } from "../assert.ts";
import { redisTest } from "./redis/_redis.ts";
import { storeChaos } from "./store_chaos.ts";

redisTest(
  "two hosts lose nothing over a store that is stopped, killed, slowed and filled",
  async () => {
    const counted = await storeChaos(0);
    const { writes, entries, purges, failed } = counted;
    const told = JSON.stringify(counted);
    assert(writes > 20 && entries > 2 && purges > 2 && failed > 2, `much has been tried: ${told}`);
  },
);
