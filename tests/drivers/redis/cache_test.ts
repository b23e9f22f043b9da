import "../../time_limit.ts";
import { openRedis } from "../../../drivers/redis.ts";
import { cacheContract } from "../../service/cache/contract.ts";
import { PATIENT, sharedRedis } from "./_redis.ts";

const server = await sharedRedis();
let tests = 0;

if (server) {
  // One cache's alone, as any other driver.
  cacheContract("the Redis driver", async () => {
    const prefix = `test ${++tests}`;
    const made = new DisposableStack();
    const open = async () => {
      const { cacheDriver } = made.use(await openRedis(server.url, { prefix, ...PATIENT }));
      const { shared: _, ...driver } = cacheDriver;
      return driver;
    };
    return {
      driver: await open(),
      reopen: open,
      [Symbol.asyncDispose]: () => Promise.resolve(made.dispose()),
    };
  });
}
