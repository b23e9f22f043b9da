// Servers without a guest, for bench/cost.ts: what a request costs at least.
//
//   deno run -A bench/floor.ts socket|front|records
//
// `socket` answers each piece that a client sends with a fixed response; `front` is the HTTP server of this project with
// an answer of its own, `records` the same with access records. The port is the first line of the output.
import { createServer } from "node:net";
import { HeaderList } from "../service/http/headers.ts";
import { listen } from "../server/mod.ts";

const [kind = "socket"] = Deno.args;
const BODY = new TextEncoder().encode("Hello from nobody\n");
const hostname = "127.0.0.1";
let records = 0;

if (kind === "socket") {
  const head =
    `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${BODY.length}\r\n\r\n`;
  const response = new Uint8Array([...new TextEncoder().encode(head), ...BODY]);
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("data", () => socket.write(response));
    socket.on("error", () => socket.destroy());
  });
  server.listen(0, hostname, () => print((server.address() as { port: number }).port));
} else {
  const { port } = await listen({
    hostname,
    port: 0,
    answer(exchange) {
      const headers = new HeaderList(["content-type", "text/plain"]);
      headers.set("content-length", String(BODY.length));
      exchange.respond({ status: 200, headers }, BODY);
      return Promise.resolve();
    },
    access: kind === "records" ? () => void records++ : undefined,
  });
  print(port);
}

function print(port: number): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${port}\n`));
}
