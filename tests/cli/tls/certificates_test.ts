import { join } from "node:path";
import { certificatesFor } from "../../../cli/tls/certificates.ts";
import { assertEquals } from "../../assert.ts";
import { createAuthority, type Identity } from "../../certificates.ts";
import { withFiles } from "../commands.ts";

/** Looks at the files, which come when a test says so. */
function heldLooks(): Disposable & { next(): Promise<void> } {
  const { setTimeout } = globalThis;
  const looks: (() => void)[] = [];
  globalThis.setTimeout =
    ((run: () => void, ms?: number) =>
      ms === 1000 ? looks.push(run) : setTimeout(run, ms)) as typeof setTimeout;
  return {
    async next() {
      looks.shift()!();
      while (!looks.length) await new Promise((resolve) => setTimeout(resolve)); // the one after it
    },
    [Symbol.dispose]: () => void (globalThis.setTimeout = setTimeout),
  };
}

Deno.test("a certificate is exchanged and told once, though its files change while they are looked at", async () => {
  const authority = await createAuthority();
  const [first, second] = [await authority.issue(["a.test"]), await authority.issue(["b.test"])];
  await withFiles({ "c.pem": first.cert, "k.pem": first.key }, async (folder) => {
    const files = { cert: join(folder, "c.pem"), key: join(folder, "k.pem") };
    const replace = async ({ cert, key }: Identity) => {
      await Deno.writeTextFile(files.cert, cert);
      await Deno.writeTextFile(files.key, key);
    };
    const told: string[] = [];
    const used: string[] = [];
    using looks = heldLooks();
    const note = (_: string, line: string) => void told.push(line.replace(folder, ""));
    const { follow } = await certificatesFor({ files } as never, { note } as never);
    const setCertificate = ({ cert }: Identity) => void used.push(cert);
    using _ = follow({ setCertificate } as never);
    await replace(second);
    await looks.next();
    // As after a look that has seen the change of the first file, and has read both.
    await Deno.utime(files.key, 1, 1);
    await looks.next();
    assertEquals(told, ["Serving the new certificate of /c.pem"]);
    assertEquals(used, [second.cert]);
    await replace(first);
    await looks.next();
    assertEquals(used, [second.cert, first.cert]);
  });
});
