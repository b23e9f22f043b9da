import { type AddressInfo, createServer } from "node:net";
import { collect, EMPTY, type Payload } from "../../../service/http/bytes.ts";
import { SendError } from "../../../service/errors.ts";
import { HttpVersion } from "../../../service/http/exchange.ts";
import { HeaderList } from "../../../service/http/headers.ts";
import { httpTransport } from "../../../service/backends/http_transport.ts";
import { StallClock } from "../../../service/util/stall_clock.ts";
import { TestClock } from "../../../testing/clock.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../../assert.ts";
import { lapse } from "../../lapse.ts";
import {
  against,
  always,
  failureOf,
  givenBack,
  OK,
  post,
  request,
  sourceFrom,
  sourceOf,
  textOf,
} from "./origins.ts";

Deno.test("any method may carry a body", async () => {
  const bodies: string[] = [];
  await against(async (wire) => {
    for (let head; (head = await wire.head());) {
      bodies.push(head.split(" ")[0]! + " " + await wire.until("end"));
      await wire.write(OK);
    }
  }, async (transport) => {
    for (const method of ["GET", "heLLo", "PUT"]) {
      await textOf(await transport.send(request({ method, body: "the end" })).response);
    }
  });
  assertEquals(bodies, ["GET the end", "heLLo the end", "PUT the end"]);
});

Deno.test("the head of a streamed request leaves before its first chunk, and every chunk at once", async () => {
  const seen = [Promise.withResolvers<string>(), Promise.withResolvers<string>()] as const;
  let tail = "";
  await against(async (wire) => {
    seen[0].resolve(await wire.head());
    seen[1].resolve(await wire.until("one\r\n"));
    tail = await wire.until("\r\n\r\n");
    await wire.write(OK);
  }, async (transport) => {
    const body = sourceFrom(async function* () {
      assertStringIncludes(await seen[0].promise, "Transfer-Encoding: chunked");
      yield "one";
      assertEquals(await seen[1].promise, "3\r\none\r\n");
      yield "two";
      return new HeaderList(["X-Sum", "1", "x-sum", "2"]);
    }());
    await transport.send(request({ method: "POST", body })).response;
  });
  assertEquals(tail, "3\r\ntwo\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n");
});

Deno.test("a streamed request of known length is not chunked", async () => {
  let message = "";
  await against(async (wire) => {
    message = await wire.until("end");
    await wire.write(OK);
  }, async (transport) => {
    const body = sourceFrom(
      async function* () {
        yield "the ";
        yield "end";
      }(),
      7,
    );
    await transport.send(request({ method: "POST", body })).response;
  });
  assertMatch(message, /Content-Length: 7\r\n.*\r\n\r\nthe end$/s);
});

Deno.test("a streamed request waits for an origin that does not read", async () => {
  const read = Promise.withResolvers<void>();
  let pulled = 0;
  let received = 0;
  const size = 64 * 1024;
  const count = 256;
  await against(async (wire) => {
    await wire.head();
    await read.promise;
    received = (await wire.until("\r\n0\r\n\r\n")).replace(/[^x]/g, "").length;
    await wire.write(OK);
  }, async (transport) => {
    const stalled = Promise.withResolvers<void>();
    let watch = setTimeout(() => {}, 0);
    const body = sourceFrom(async function* () {
      for (; pulled < count; pulled++) {
        clearTimeout(watch);
        watch = setTimeout(stalled.resolve, 200);
        yield "x".repeat(size);
      }
    }());
    const { response } = transport.send(request({ method: "POST", body }));
    await stalled.promise;
    assert(pulled < count / 2, `${pulled} of ${count} chunks were pulled`);
    read.resolve();
    await response;
    clearTimeout(watch);
  });
  assertEquals(received, size * count);
});

Deno.test("a request body that fails cuts the message", async () => {
  const begun = Promise.withResolvers<void>();
  const received = Promise.withResolvers<string>();
  await against(async (wire) => {
    await wire.until("part\r\n");
    begun.resolve();
    received.resolve(await wire.rest());
  }, async (transport) => {
    const body = sourceFrom(async function* () {
      yield "part";
      await begun.promise;
      throw new Error("The guest has trapped");
    }());
    const error = await assertRejects(
      () => transport.send(request({ method: "POST", body })).response,
      SendError,
      "the body failed: The guest has trapped",
    );
    assertEquals(error.failure, "connection_terminated");
    assertEquals(await received.promise, "");
  });
});

const HELLO: Record<string, () => Payload> = {
  whole: () => new TextEncoder().encode("hello"),
  streamed: () =>
    sourceFrom(async function* () {
      yield "he";
      yield "llo";
    }()),
};

for (const [what, body] of Object.entries(HELLO)) {
  Deno.test(`a ${what} body that is longer than its Content-Length is cut at it, and the connection is good`, async () => {
    const messages: string[] = [];
    await against(async (wire) => {
      while (await wire.head()) {
        messages.push(await wire.until("hel"));
        await wire.write(OK);
      }
    }, async (transport, origin) => {
      for (let i = 0; i < 2; i++) {
        assertEquals(await textOf(await transport.send(post(3, body())).response), "ok");
        await givenBack();
      }
      assertEquals(origin.connections(), 1);
    });
    assertEquals(messages, ["hel", "hel"]);
  });

  Deno.test(`a ${what} body that is shorter than its Content-Length goes out, and the connection is closed`, async () => {
    const seen = Promise.withResolvers<string>();
    await against(async (wire) => {
      const head = await wire.head();
      seen.resolve(/content-length: .*\r\n/i.exec(head)?.[0] + await wire.rest());
    }, async (transport) => {
      const { response } = transport.send(post(9, body()));
      await assertRejects(() => response, SendError, "the body is 4 bytes shorter than");
      assertEquals(await seen.promise, "Content-Length: 9\r\nhello");
    });
  });
}

Deno.test("the response may arrive before the request has ended", async () => {
  await against(async (wire) => {
    await wire.head();
    await wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (true) {
      const line = await wire.until("!\r\n");
      if (!line.endsWith("!\r\n")) break;
      await wire.write(`4\r\n${line.slice(-6, -2)}\r\n`);
      if (line.includes("bye!")) break;
    }
    await wire.until("0\r\n\r\n");
    await wire.write("0\r\n\r\n");
  }, async (transport) => {
    const words = [Promise.withResolvers<string>(), Promise.withResolvers<string>()] as const;
    const body = sourceFrom(async function* () {
      yield await words[0].promise;
      yield await words[1].promise;
    }());
    const response = sourceOf(await transport.send(request({ method: "POST", body })).response);
    const decoder = new TextDecoder();
    words[0].resolve("one!");
    assertEquals(decoder.decode(await response.read()), "one!");
    words[1].resolve("bye!");
    assertEquals(decoder.decode(await response.read()), "bye!");
    assertEquals(await response.read(), undefined);
  });
});

Deno.test("a source is cancelled when the origin leaves in the middle of the request", async () => {
  await against(async (wire) => {
    await wire.head();
  }, async (transport) => {
    const body = sourceFrom(async function* () {
      yield "part";
      await new Promise(() => {});
    }());
    const { response } = transport.send(request({ method: "POST", body }));
    assertEquals(await failureOf(() => response), "connection_terminated");
    assertInstanceOf(await body.cancelled, Error);
  });
});

Deno.test("a body that came with its head is whole", async () => {
  await against(always(OK), async (transport) => {
    const { body } = await transport.send(request()).response;
    assertEquals(body, new TextEncoder().encode("ok"));
  });
});

Deno.test("a body of known length counts down by the bytes that were read", async () => {
  const more = Promise.withResolvers<void>();
  await against(async (wire) => {
    await wire.head();
    await wire.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcd");
    await more.promise;
    await wire.write("ef");
  }, async (transport) => {
    const body = sourceOf(await transport.send(request()).response);
    assertEquals(body.length, 6);
    assertEquals(body.read(), new TextEncoder().encode("abcd")); // at hand: not a promise
    assertEquals(body.length, 2);
    more.resolve();
    assertEquals(await body.read(), new TextEncoder().encode("ef"));
    assertEquals([body.length, await body.read()], [0, undefined]);
  });
});

Deno.test("a chunked body has no length, and its trailers come at its end", async () => {
  const response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
    "3\r\nabc\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n";
  await against(always(response), async (transport) => {
    const body = sourceOf(await transport.send(request()).response);
    assertEquals(body.length, undefined);
    assertEquals(new TextDecoder().decode(await collect(body)), "abc");
    assertEquals(body.trailers?.raw, ["X-Sum", "1", "x-sum", "2"]);
  });
});

Deno.test("a body may end with its connection", async () => {
  await against(async (wire) => {
    await wire.head();
    await wire.write("HTTP/1.0 200 OK\r\n\r\nall of it");
  }, async (transport) => {
    const response = await transport.send(request()).response;
    assertEquals([response.version, response.body.length], [HttpVersion.http10, undefined]);
    assertEquals(await textOf(response), "all of it");
  });
});

Deno.test("a message that arrives byte by byte is the same message", async () => {
  const response =
    "HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  await against(async (wire) => {
    await wire.head();
    for (const byte of response) await wire.write(byte);
  }, async (transport) => {
    const response = await transport.send(request()).response;
    assertEquals([response.headers.get("x-a"), await textOf(response)], ["b", "hello"]);
  });
});

for (
  const [method, head] of [
    ["HEAD", "200 OK\r\nContent-Length: 5"],
    ["HEAD", "200 OK\r\nTransfer-Encoding: chunked"],
    ["GET", "204 No Content"],
    ["GET", "304 Not Modified\r\nContent-Length: 5"],
  ] as const
) {
  Deno.test(`the response ${head.replace("\r\n", " ")} to ${method} has no body and keeps the connection`, async () => {
    await against(always(`HTTP/1.1 ${head}\r\n\r\n`), async (transport, origin) => {
      for (let i = 0; i < 3; i++) {
        const { body } = await transport.send(request({ method })).response;
        assertEquals(body, EMPTY);
        await givenBack();
      }
      assertEquals(origin.connections(), 1);
    });
  });
}

for (
  const [what, response] of [
    ["its Content-Length", "Content-Length: 9\r\n\r\nhalf"],
    ["its last chunk", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"],
    ["the end of a chunk", "Transfer-Encoding: chunked\r\n\r\n9\r\nhalf"],
  ] as const
) {
  Deno.test(`a body that is cut before ${what} is an incomplete response`, async () => {
    const head = Promise.withResolvers<void>();
    await against(async (wire) => {
      await wire.head();
      await wire.write(`HTTP/1.1 200 OK\r\n${response}`);
      await head.promise;
    }, async (transport) => {
      const body = sourceOf(await transport.send(request()).response);
      head.resolve();
      assertEquals(await failureOf(() => collect(body)), "http_incomplete_response");
    });
  });
}

for (const framing of ["", "Content-Length: 9\r\n", "Transfer-Encoding: chunked\r\n"]) {
  const what = framing ? `with ${framing.trim()}` : "that lasts until its connection closes";
  Deno.test(`a body ${what} is cut by a reset`, async () => {
    const read = Promise.withResolvers<void>();
    const part = framing.includes("chunked") ? "4\r\nhalf\r\n" : "half";
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.write(`HTTP/1.1 200 OK\r\n${framing}\r\n${part}`);
      read.promise.then(() => socket.resetAndDestroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const transport = httpTransport({ url: `http://127.0.0.1:${port}` });
    const body = sourceOf(await transport.send(request()).response);
    assertEquals(new TextDecoder().decode(await body.read()), "half");
    read.resolve();
    assertEquals(await failureOf(() => collect(body)), "http_incomplete_response");
    transport.close();
    await new Promise((resolve) => server.close(resolve));
  });
}

Deno.test("a body is taken off the connection no faster than it is read", async () => {
  const chunk = "x".repeat(64 * 1024);
  const count = 512;
  let written = 0;
  await against(async (wire) => {
    await wire.head();
    await wire.write(`HTTP/1.1 200 OK\r\nContent-Length: ${chunk.length * count}\r\n\r\n`);
    for (; written < count; written++) await wire.write(chunk);
  }, async (transport) => {
    const body = sourceOf(await transport.send(request()).response);
    let before = -1;
    while (before !== written) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert(written < count / 2, `${written} of ${count} chunks were written`);
    assertEquals((await collect(body)).length, chunk.length * count);
  });
});

Deno.test("a body that is cancelled closes its connection", async () => {
  await against(async (wire) => {
    await wire.head();
    await wire.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    assertEquals(await wire.rest(), "");
  }, async (transport) => {
    const body = sourceOf(await transport.send(request()).response);
    body.cancel();
  });
});

Deno.test("a body that is cancelled after it has arrived leaves its connection", async () => {
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
  await against(always(chunked), async (transport, origin) => {
    for (let i = 0; i < 3; i++) {
      sourceOf(await transport.send(request()).response).cancel();
      await givenBack();
    }
    assertEquals(origin.connections(), 1);
  });
});

Deno.test("a pause in the response's body is a timeout", async () => {
  const clock = new TestClock(0, true);
  await against(
    async (wire) => {
      await wire.head();
      await wire.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
      await wire.rest();
    },
    async (transport) => {
      const body = sourceOf(await transport.send(request()).response);
      assertEquals((await body.read())?.length, 4);
      const failure = failureOf(async () => await body.read());
      assertEquals(await lapse(clock, 30, failure), "http_response_timeout");
    },
    { timeouts: { betweenBytes: 30, firstByte: 5000, connect: 5000 } },
    {
      clock: new StallClock(clock),
    },
  );
});

Deno.test("a chunk of garbage size fails the body", async () => {
  const head = Promise.withResolvers<void>();
  await against(async (wire) => {
    await wire.head();
    await wire.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    await head.promise;
    await wire.write("zz\r\n");
    await wire.rest();
  }, async (transport) => {
    const body = sourceOf(await transport.send(request()).response);
    head.resolve();
    assertEquals(await failureOf(() => collect(body)), "http_protocol_error");
  });
});
