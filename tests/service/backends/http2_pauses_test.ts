import { httpTransport } from "../../../service/backends/http_transport.ts";
import { machineClock } from "../../../service/util/clock.ts";
import { assertEquals } from "../../assert.ts";
import { clearOrigin } from "./http2_origins.ts";
import { request, textOf } from "./origins.ts";

const CHUNK = new Uint8Array(16_384);
const CHUNKS = 1000;

Deno.test("a response in HTTP/2 is whole, though its connection pauses in its midst", async () => {
  const { elapsed } = machineClock;
  let calls = 0;
  // Handling a chunk now and then takes long.
  machineClock.elapsed = () => elapsed() + 5 * Math.floor(++calls / 3);
  const origin = await clearOrigin((stream) => {
    stream.respond({ ":status": 200 });
    let left = CHUNKS;
    const more = () => {
      while (left > 0) if (left-- && !stream.write(CHUNK)) return void stream.once("drain", more);
      stream.end();
    };
    more();
  });
  const transport = httpTransport({ url: origin.url, grpc: true });
  try {
    for (let i = 0; i < 10; i++) {
      const { response } = transport.send(request());
      assertEquals((await textOf(await response)).length, CHUNKS * CHUNK.length);
    }
  } finally {
    machineClock.elapsed = elapsed;
    transport.close();
    await origin.close();
  }
});
