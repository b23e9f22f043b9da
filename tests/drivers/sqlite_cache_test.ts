import { openSqlite } from "../../drivers/sqlite.ts";
import { cacheContract } from "../service/cache_contract.ts";
import { folder } from "./_folder.ts";

cacheContract("SQLite", async () => {
  const there = await folder();
  const open = new DisposableStack();
  let storage = open.use(await openSqlite(there.file));
  return {
    get driver() {
      return storage.cacheDriver;
    },
    async reopen() {
      storage[Symbol.dispose]();
      storage = open.use(await openSqlite(there.file));
      return storage.cacheDriver;
    },
    async [Symbol.asyncDispose]() {
      storage[Symbol.dispose]();
      await there[Symbol.asyncDispose]();
    },
  };
});
