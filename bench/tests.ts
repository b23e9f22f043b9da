// Shows what a test of a guest takes, from the start of its host to the end: the first, and those after it.
//
//   deno run -A bench/tests.ts [guest...]
import { componentLoader } from "../drivers/components.ts";
import { TestHost } from "../testing.ts";

const TESTS = 50;

for (const guest of Deno.args.length ? Deno.args : ["rust", "rust-component", "go", "javascript"]) {
  const wasm = new URL(`../testdata/built/${guest}.wasm`, import.meta.url);
  const times = [];
  for (let i = 0; i <= TESTS; i++) times.push(await test(wasm));
  const [first, ...others] = times;
  others.sort((one, other) => one - other);
  await Deno.stdout.write(new TextEncoder().encode(
    `${guest}: the first ${first!.toFixed(0)} ms, then ${others[TESTS >> 1]!.toFixed(1)} ms ` +
      `(of ${TESTS} at the most ${others.at(-1)!.toFixed(1)} ms)\n`,
  ));
}

async function test(wasm: URL): Promise<number> {
  const began = performance.now();
  {
    await using host = await TestHost.start({
      wasm,
      components: componentLoader,
      backends: { origin: { body: "mocked" } },
    });
    const response = await host.fetch("/hello");
    if (!(await response.text()).startsWith("Hello from ")) throw new Error(`${wasm} fails`);
  }
  return performance.now() - began;
}
