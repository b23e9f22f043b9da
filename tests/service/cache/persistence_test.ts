import "../../time_limit.ts";
import { memoryCacheDriver } from "../../../service/cache/memory_driver.ts";
import { slow } from "../slow_driver.ts";
import { cacheContract } from "./contract.ts";

cacheContract("memory", () => {
  const driver = memoryCacheDriver();
  return Promise.resolve({
    driver,
    reopen: () => Promise.resolve(driver),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

cacheContract("a driver that answers after a turn", () => {
  const driver = slow(memoryCacheDriver());
  return Promise.resolve({
    driver,
    reopen: () => Promise.resolve(driver),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
