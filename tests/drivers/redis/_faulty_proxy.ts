/** Behaviour of a proxy between a client and a server. */
type Fault =
  /** Passes all on. */
  | "none"
  /** Passes on the client's bytes. The server's answer closes the connection, and is lost. */
  | "lose-answers"
  /** Passes nothing on, and closes nothing. */
  | "silent";

/** A proxy in front of a server, which can be made to fail. */
export interface FaultyProxy extends AsyncDisposable {
  readonly port: number;
  fault: Fault;
  /** Milliseconds by which the server's answers come later. */
  delay: number;
  /** Text in the commands that meet the fault; others are passed on. By default all meet it. */
  only: string | undefined;
}

/** Starts a proxy on a free port. */
export function startFaultyProxy(to: number): FaultyProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  const ends: Promise<void>[] = [];
  const proxy: FaultyProxy = {
    port: listener.addr.port,
    fault: "none",
    delay: 0,
    only: undefined,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of open) close(connection);
      await Promise.allSettled(ends);
    },
  };
  const serve = async (client: Deno.Conn) => {
    const server = await Deno.connect({ hostname: "127.0.0.1", port: to });
    open.add(client).add(server);
    let met = false;
    const meets = (bytes: Uint8Array) =>
      !proxy.only || new TextDecoder("latin1").decode(bytes).includes(proxy.only);
    const up = copy(client, server, async (bytes) => {
      if (proxy.fault === "silent" && meets(bytes)) await new Promise(() => {});
      if (proxy.fault === "lose-answers" && meets(bytes)) met = true;
      return true;
    });
    const down = copy(server, client, async () => {
      if (proxy.delay) await new Promise((resolve) => setTimeout(resolve, proxy.delay));
      return !met;
    });
    await Promise.race([up, down]);
    for (const connection of [client, server]) {
      open.delete(connection);
      close(connection);
    }
  };
  void (async () => {
    for await (const client of listener) ends.push(serve(client).catch(() => close(client)));
  })().catch(() => {});
  return proxy;
}

/** Copies until one of them ends, or `pass` says that it is enough. */
async function copy(
  from: Deno.Conn,
  to: Deno.Conn,
  pass: (bytes: Uint8Array) => Promise<boolean>,
): Promise<void> {
  const buffer = new Uint8Array(65536);
  try {
    for (let length; (length = await from.read(buffer)) !== null;) {
      const bytes = buffer.slice(0, length);
      if (!await pass(bytes)) return;
      for (let at = 0; at < length;) at += await to.write(bytes.subarray(at));
    }
  } catch {
    // Closed.
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed.
  }
}
