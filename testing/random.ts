/** Makes a function that fills buffers with a sequence that depends only on the seed (Mulberry32). It is not secure. */
export function seededRandom(seed: number): (bytes: Uint8Array) => void {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return (bytes) => {
    for (let at = 0; at < bytes.length; at += 4) {
      const word = next();
      for (let i = 0; i < 4 && at + i < bytes.length; i++) bytes[at + i] = word >>> (8 * i);
    }
  };
}
