import { soak } from "../bench/soak.ts";
import { assertEquals } from "./assert.ts";
import { redisTest, startRedis } from "./drivers/redis/_redis.ts";

redisTest(
  "two workers over a store leave nothing behind after a thousand requests",
  async () => {
    await using redis = await startRedis();
    const lines: string[] = [];
    const wrong = await soak({
      requests: 1_000,
      flags: ["--workers", "2", "--store", redis.url],
      maxGrowth: 2, // the code is being compiled
      print: (line) => lines.push(line),
    });
    assertEquals(wrong, [], lines.join("\n"));
  },
);
