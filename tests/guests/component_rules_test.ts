// Rules of the component model, with components in text (testdata/component-wat): encodings of texts, components in
// components, and faults that end a guest or keep it from being loaded.
import { componentLoader } from "../../drivers/components.ts";
import { Fastlike, type FastlikeOptions, type LogEntry } from "../../mod.ts";
import { answerOf } from "../asking.ts";
import { assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { guestUrl, testGuestOnce } from "./serving.ts";

interface Loaded extends AsyncDisposable {
  readonly app: Fastlike;
  readonly entries: LogEntry[];
}

async function loaded(name: string, options: FastlikeOptions = {}): Promise<Loaded> {
  const entries: LogEntry[] = [];
  const app = await Fastlike.load(guestUrl(`component-${name}`), {
    components: componentLoader,
    configStores: { set: { "☵": "é☵a" }, latin: { "☵": "éa" } },
    ...name.endsWith("spins") && { limits: { cpu_time: 100 } },
    log: (entry) => void entries.push(entry),
    ...options,
  });
  return { app, entries, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() };
}

/** Response to a request, and its records at log endpoints. */
async function answer({ app, entries }: Loaded): Promise<[status: number, text: string]> {
  entries.length = 0;
  return await answerOf(app);
}

function records({ entries }: Loaded): string[] {
  return entries.flatMap((entry) =>
    entry.kind === "endpoint" ? [`${entry.endpoint}: ${entry.message}`] : []
  );
}

/** Characters of a text as bytes, for which the log has those of UTF-8. */
function chars(...codes: number[]): string {
  return new TextDecoder().decode(Uint8Array.from(codes));
}

testGuestOnce("component-utf16", "texts cross as UTF-16", async () => {
  await using guest = await loaded("utf16");
  for (let i = 0; i < 2; i++) {
    assertEquals(await answer(guest), [200, ""]);
    const text = chars(0xe9, 0, 0x35, 0x26, 0x61, ...Array(11).fill(0));
    assertEquals(records(guest), [`lé☵: ${text}`, `lé☵: ${chars(3, 0, 0, 0)}`]);
  }
});

testGuestOnce(
  "component-latin1",
  "texts cross as UTF-16 where Latin-1 lacks a character",
  async () => {
    await using guest = await loaded("latin1");
    assertEquals(await answer(guest), [200, ""]);
    const text = chars(0xe9, 0, 0x35, 0x26, 0x61, ...Array(11).fill(0));
    assertEquals(records(guest), [`lé: ${text}`, `lé: ${chars(3, 0, 0, 0x80)}`]);
  },
);

testGuestOnce("component-latin1-only", "texts cross as Latin-1 where they can", async () => {
  await using guest = await loaded("latin1-only");
  assertEquals(await answer(guest), [200, ""]);
  const text = chars(0xe9, 0x61, ...Array(14).fill(0));
  assertEquals(records(guest), [`lé: ${text}`, `lé: ${chars(2, 0, 0, 0)}`]);
});

testGuestOnce("component-composed", "components in one pass texts and resources", async () => {
  await using guest = await loaded("composed");
  for (let i = 0; i < 3; i++) {
    assertEquals(await answer(guest), [200, ""]);
    assertEquals(records(guest), ["composed: héllo ☵"]);
  }
});

/** Log of each request of the guest: counts of 1 each, two handles, and the log's own. */
const AS_NEW = "state: 11111111123;1";

for (const reuse of ["dirty-pages", "snapshot"] as const) {
  testGuestOnce(
    "component-state",
    `globals of all its modules, memory and handles are put back by ${reuse}`,
    async () => {
      await using guest = await loaded("state", { reuse });
      for (let i = 0; i < 5; i++) {
        assertEquals(await answer(guest), [200, ""]);
        assertEquals([records(guest), guest.entries.length], [[AS_NEW], 1]);
        assertEquals(guest.app.status().instances.live, 1);
      }
    },
  );
}

testGuestOnce("component-state-traps", "a new instance follows one that has trapped", async () => {
  await using guest = await loaded("state-traps");
  for (let i = 0; i < 3; i++) {
    assertEquals((await answer(guest))[0], 500);
    assertEquals(records(guest), [AS_NEW]);
    assertEquals(guest.app.status().instances.live, 0);
  }
});

for (
  const [name, reason] of [
    ["grows-table", "it grows a table (table.grow)"],
    ["writes-table", "it writes a table (table.set)"],
    ["drops-data", "it drops a data segment (data.drop)"],
    ["drops-elements", "it writes a table (table.init)"],
  ] as const
) {
  testGuestOnce(
    `component-state-${name}`,
    "an instance that cannot be put back is new for each request, and the log says why",
    async () => {
      await using guest = await loaded(`state-${name}`);
      const [told] = guest.entries;
      assertEquals(
        told?.kind === "host" && told.message,
        `Each request gets a new instance of the program, because ${reason}`,
      );
      for (let i = 0; i < 3; i++) {
        assertEquals(await answer(guest), [200, ""]);
        assertEquals([records(guest), guest.entries.length], [[AS_NEW], 1]);
        assertEquals(guest.app.status().instances.live, 0);
      }
    },
  );
}

const ENDS: Readonly<Record<string, RegExp>> = {
  "surrogate": /^The guest trapped: Cannot decode 4 bytes as utf-16le/,
  "odd": /^The guest trapped: Cannot decode 1 bytes as utf-8/,
  "post-return-traps": /^The guest trapped: unreachable/,
  "drops-twice": /^The guest trapped: Cannot use the handle \d+: there is none/,
  "uses-dropped": /^The guest trapped: Cannot use the handle \d+: there is none/,
  "enters-again": /^The guest trapped: Cannot call a component that a call is in already/,
  "allocator-traps": /^The guest trapped: unreachable/,
  "allocator-far": /^The guest trapped: Cannot reach \d+ bytes at \d+/,
  "allocator-odd": /^The guest trapped: Cannot use the address 5: it is not aligned/,
  "allocator-calls":
    /^The guest trapped: Cannot call an import while the component allocates or cleans up/,
  "allocator-spins": /^The guest was stopped: cpu_time 100ms is used up/,
};

for (const [name, message] of Object.entries(ENDS)) {
  testGuestOnce(`component-${name}`, "it ends with a 500 that says why, each time", async () => {
    await using guest = await loaded(name);
    for (let i = 0; i < 2; i++) {
      const [status, text] = await answer(guest);
      assertEquals(status, 500);
      assertMatch(text, message);
      assertEquals(guest.entries.filter(({ kind }) => kind === "host").length, 1, "one line tells");
    }
  });
}

for (const name of ["lists-texts", "lists-bytes", "lists-truths", "lists-pairs"]) {
  testGuestOnce(
    `component-${name}`,
    "lists of more than the memory has are not taken from it",
    async () => {
      await using guest = await loaded(name);
      for (let i = 0; i < 2; i++) {
        const [status, text] = await answer(guest);
        assertEquals(status, 500);
        assertMatch(text, /^The guest trapped: Cannot take texts and lists .* longer than its mem/);
      }
    },
  );
}

testGuestOnce("component-lists-fit", "lists may overlap within limits", async () => {
  await using guest = await loaded("lists-fit");
  assertEquals(await answer(guest), [200, ""]);
});

const REFUSALS: Readonly<Record<string, RegExp>> = {
  "start-traps": /^Cannot instantiate the program: unreachable$/,
  "start-spins": /^Cannot instantiate the program: its start function has used up cpu_time 100ms$/,
  "elements-far": /^Cannot instantiate the program: .*table index is out of bounds/,
  "data-far": /^Cannot instantiate the program: .*data segment 0 is out of bounds/,
  "start": /^Cannot load the program: /,
};

for (const [name, message] of Object.entries(REFUSALS)) {
  testGuestOnce(`component-${name}`, "it is refused in one line", async () => {
    const error = await assertRejects(() => loaded(name), Error);
    assertMatch(error.message, message);
    assertEquals(error.message.includes("\n"), false);
  });
}

testGuestOnce("component-names", "names of JavaScript's own are names", async () => {
  await using guest = await loaded("names");
  assertEquals(await answer(guest), [200, ""]);
  assertEquals(Object.hasOwn(Object.prototype, "run"), false);
});
