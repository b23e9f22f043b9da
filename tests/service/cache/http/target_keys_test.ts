import { defaultSurrogateKey, requestKey } from "../../../../service/cache/http/key.ts";
import { TargetKeys } from "../../../../service/cache/http/target_keys.ts";
import { HeaderList } from "../../../../service/http/headers.ts";
import { assertEquals } from "../../../assert.ts";

Deno.test("kept keys are those that each request has by itself, however many there are", () => {
  const keys = new TargetKeys();
  const long = `http://a.test/${"x".repeat(5000)}`;
  const urls = [
    ...["http://a.test/", "http://a.test/?b.test", "http://b.test/", "/", long],
    ...Array.from({ length: 3000 }, (_, i) => `http://a.test/${i % 1500}`),
  ];
  const hosts = [[], ["Host", "b.test"], ["host", "c.test"], ["host", ""]];
  for (const url of [...urls, ...urls.slice(0, 5)]) {
    for (const fields of hosts.slice(0, url.length > 20 && url !== long ? 1 : 4)) {
      const target = { url, headers: new HeaderList(fields) };
      for (const owner of [undefined, "", "one"]) {
        for (const backend of ["one", undefined, "one"]) {
          assertEquals(keys.request(target, owner, backend), requestKey(target, owner, backend));
        }
      }
      assertEquals(keys.surrogate(target), defaultSurrogateKey(target));
      assertEquals(keys.surrogate(target), defaultSurrogateKey(target));
    }
  }
});
