/**
 * Bytes that parsers of messages are tested with, and the pieces that they come in.
 *
 * @module
 */
import * as fc from "./properties.ts";

const SIGNS = ["", "\r", "\n", "\r\n", "\r\n\r\n", " ", "\t", ":", ";", ",", "\0", "\x7f", "\xe9"];

/**
 * Valid messages with a few edits, which most parsers' bugs are found with; or any bytes at all.
 *
 * @param words Texts that edits put in, besides single characters.
 */
export function editedMessages(
  messages: readonly string[],
  words: readonly string[],
): fc.Arbitrary<string> {
  const edits = fc.array(
    fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      drop: fc.nat(3),
      piece: fc.constantFrom(...SIGNS, ...words),
    }),
    { maxLength: 3 },
  );
  const some = fc.array(fc.constantFrom(...messages), { minLength: 1, maxLength: 2 });
  const edited = fc.tuple(some, edits).map(([messages, edits]) => {
    let text = messages.join("");
    for (const { at, drop, piece } of edits) {
      const index = Math.floor(at * text.length);
      text = text.slice(0, index) + piece + text.slice(index + drop);
    }
    return text;
  });
  const bytes = fc.string({ unit: "binary-ascii", maxLength: 100 });
  return fc.oneof({ weight: 9, arbitrary: edited }, { weight: 1, arbitrary: bytes });
}

/** Up to five places in a message, as parts of its length. */
export const places: fc.Arbitrary<number[]> = fc.array(
  fc.double({ min: 0, max: 1, noNaN: true }),
  { maxLength: 5 },
);

/** Cuts a message at {@linkcode places}. */
export function cut(text: string, places: readonly number[]): string[] {
  const at = [...new Set(places.map((place) => Math.floor(place * text.length)))].sort((a, b) =>
    a - b
  );
  return [...at, text.length].map((end, index) => text.slice(at[index - 1] ?? 0, end))
    .filter((piece) => piece);
}
