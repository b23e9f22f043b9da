import { WriteBatcher } from "../../server/write_batcher.ts";
import { assertEquals } from "../assert.ts";

/** A write batcher on an event loop and a clock that the test moves. */
class Loop {
  now = 0;
  readonly written: string[] = [];
  readonly batcher: WriteBatcher = new WriteBatcher({
    now: () => this.now,
    atEnd: (callback) => this.#ends.push(callback),
  });
  #ends: (() => void)[] = [];

  /** One turn: each response comes after so many milliseconds of its guest. */
  turn(...responses: readonly (readonly [name: string, after: number])[]): void {
    for (const [name, after] of responses) {
      this.now += after;
      this.batcher.add(() => this.written.push(name));
    }
  }

  end(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  /** Turns of two responses each, which last `after` milliseconds longer. */
  turns(count: number, after: number): void {
    for (let i = 0; i < count; i++) {
      this.turn(["", 0], ["", 0]);
      this.now += after;
      this.end();
    }
    this.written.splice(0);
  }
}

Deno.test("responses are written at once at first", () => {
  const loop = new Loop();
  loop.turn(["a", 0], ["b", 0.1]);
  assertEquals(loop.written, ["a", "b"]);
});

Deno.test("once guests have been quick for a while, the responses of a turn are written at its end, in order", () => {
  const loop = new Loop();
  loop.turns(64, 1);
  loop.turn(["a", 0], ["b", 0.1], ["c", 0.1]);
  assertEquals(loop.written, []);
  loop.end();
  assertEquals(loop.written, ["a", "b", "c"]);
});

Deno.test("held responses are written once, on demand", () => {
  const loop = new Loop();
  loop.turns(64, 1);
  loop.batcher.flush();
  loop.turn(["a", 0], ["b", 0.1]);
  loop.batcher.flush();
  assertEquals(loop.written, ["a", "b"]);
  loop.turn(["c", 0.1]);
  loop.end();
  assertEquals(loop.written, ["a", "b", "c"]);
});

Deno.test("no response waits for more than a millisecond and the guest after that", () => {
  const loop = new Loop();
  loop.turns(64, 1);
  loop.turn(["a", 0], ["b", 0.6], ["c", 0.6], ["d", 0.6]);
  assertEquals(loop.written, ["a", "b", "c"]);
  loop.end();
  assertEquals(loop.written, ["a", "b", "c", "d"]);
});

Deno.test("after a guest that took long with its response, or kept one waiting, none waits for a while", () => {
  const loop = new Loop();
  loop.turns(64, 1);
  loop.turn(["a", 0]);
  loop.now += 5; // its guest goes on
  loop.end();
  loop.turns(63, 1);
  loop.turn(["b", 0], ["c", 0]);
  assertEquals(loop.written, ["b", "c"]);
  loop.end();
  loop.turn(["d", 0]);
  assertEquals(loop.written, ["b", "c"]);
  loop.turn(["e", 5]);
  assertEquals(loop.written, ["b", "c", "d", "e"]);
  loop.end();
  loop.turn(["f", 0]);
  assertEquals(loop.written, ["b", "c", "d", "e", "f"]);
});

Deno.test("guests that take long one after another have each response written at once", () => {
  const loop = new Loop();
  for (let i = 0; i < 100; i++) {
    loop.turn(["a", 0], ["b", 10], ["c", 10]);
    assertEquals(loop.written.splice(0), ["a", "b", "c"]);
    loop.end();
  }
});

Deno.test("a turn without a response changes nothing, and each turn has its own end", () => {
  const loop = new Loop();
  loop.turns(64, 1);
  loop.now += 1000;
  loop.turn(["a", 0], ["b", 0]);
  loop.end();
  loop.end();
  loop.turn(["c", 0]);
  assertEquals(loop.written, ["a", "b"]);
  loop.end();
  assertEquals(loop.written, ["a", "b", "c"]);
});

Deno.test("responses that come one at a time wait for no others", () => {
  const loop = new Loop();
  loop.turns(64, 1);
  loop.turn(["a", 0]);
  loop.end();
  assertEquals(loop.written.splice(0), ["a"]);
  for (let i = 0; i < 10; i++) {
    loop.turn(["b", 0]);
    assertEquals(loop.written.splice(0), ["b"]);
    loop.end();
  }
});
