import { Body } from "../../handles/body.ts";
import { GuestResponse } from "../../handles/message.ts";
import { type ByteSource, concat } from "../../service/http/bytes.ts";
import { HeaderList } from "../../service/http/headers.ts";
import { assert, assertEquals } from "../assert.ts";
import * as fc from "../properties.ts";
import { type Bench, bench, BUF, OUT, turn, XqdStatus } from "./_bench.ts";

const BODY = "fastly_http_body";
const { ok } = XqdStatus;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (text: string) => new TextEncoder().encode(text);

const letters = fc.string({ unit: fc.constantFrom("a", "b", "c", "d", "e"), maxLength: 9 });
const pieces = fc.array(letters.filter((piece) => piece !== ""), { maxLength: 4 });

type Kind = "now" | "later";

/** A source whose pieces are at hand, or come only after a turn. */
function sourceOf(pieces: readonly string[], kind: Kind, trailers?: HeaderList): ByteSource {
  const left = pieces.map(bytes);
  const next = () => left.shift();
  return {
    length: undefined,
    trailers,
    read: kind === "now" ? next : () => Promise.resolve().then(next),
    cancel() {},
  };
}

const kind = fc.constantFrom<Kind>("now", "later");
const operation = fc.oneof(
  fc.record({ do: fc.constant("back" as const), text: letters }),
  fc.record({ do: fc.constant("front" as const), text: letters }),
  fc.record({ do: fc.constant("append" as const), pieces, kind }),
  fc.record({ do: fc.constant("read" as const), room: fc.integer({ min: 1, max: 12 }) }),
);

async function write(b: Bench, body: number, text: string, end: number): Promise<void> {
  assertEquals(await b.got(BODY, "write", body, text, end), text.length);
}

async function append(b: Bench, body: number, source: ByteSource): Promise<void> {
  const appended = b.sandbox.handles.insert(Body.of(source));
  assertEquals(await b.call(BODY, "append", body, appended), ok);
}

Deno.test("whatever is written, appended and read in whatever order, the bytes are right", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 30 }), async (operations) => {
      using b = bench();
      const body = await b.body();
      let model = "";
      for (const operation of operations) {
        if (operation.do === "back") {
          await write(b, body, operation.text, 0);
          model += operation.text;
        } else if (operation.do === "front") {
          await write(b, body, operation.text, 1);
          model = operation.text + model;
        } else if (operation.do === "append") {
          await append(b, body, sourceOf(operation.pieces, operation.kind));
          model += operation.pieces.join("");
        } else {
          assertEquals(await b.call(BODY, "read", body, BUF, operation.room, OUT), ok);
          const length = b.memory.u32(OUT);
          assert(length <= operation.room);
          assertEquals(length === 0, model === "", "no bytes are the end, and only that");
          assertEquals(b.text(BUF, length), model.slice(0, length));
          model = model.slice(length);
        }
      }
      assertEquals(await b.drain(body), model);
    }),
  );
});

Deno.test("fields of every appended body follow in their order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(pieces, kind, letters), { maxLength: 6 }),
      async (sources) => {
        using b = bench();
        const body = await b.body();
        for (const [pieces, kind, value] of sources) {
          await append(b, body, sourceOf(pieces, kind, new HeaderList(["x", value])));
        }
        await b.drain(body);
        const { values } = await b.page(BODY, "trailer_values_get", [body, "x"]);
        assertEquals(values, sources.map(([, , value]) => value));
      },
    ),
  );
});

const streamed = fc.oneof(
  fc.record({ do: fc.constant("write" as const), size: fc.integer({ min: 0, max: 50_000 }) }),
  fc.record({ do: fc.constant("append" as const), pieces, kind }),
  fc.record({ do: fc.constant("pause" as const) }),
);

Deno.test("a stream carries the body's present bytes, then all that are written, at any pace", async () => {
  await fc.assert(
    fc.asyncProperty(
      letters,
      fc.array(streamed, { maxLength: 15 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }),
      async (begun, operations, paces) => {
        using b = bench();
        const body = await b.body(begun);
        const response = b.sandbox.handles.insert(new GuestResponse());
        assertEquals(b.now("fastly_http_resp", "send_downstream", response, body, 1), ok);
        const sent = (await b.exchange.response()).body as ByteSource;
        const reading = (async () => {
          const chunks: Uint8Array[] = [];
          for (let i = 0;; i++) {
            if (paces[i % paces.length]) await turn();
            const chunk = await sent.read();
            if (!chunk) return text(concat(chunks));
            chunks.push(chunk.slice());
          }
        })();
        let expected = begun;
        for (const [i, operation] of operations.entries()) {
          if (operation.do === "pause") await turn();
          else if (operation.do === "write") {
            const piece = String.fromCharCode(97 + i).repeat(operation.size);
            await write(b, body, piece, 0);
            expected += piece;
          } else {
            await append(b, body, sourceOf(operation.pieces, operation.kind));
            expected += operation.pieces.join("");
          }
        }
        assertEquals(b.now(BODY, "close", body), ok);
        assertEquals(await reading === expected, true);
      },
    ),
    { numRuns: 50 },
  );
});
