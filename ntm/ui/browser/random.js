// Random contents of memory, as ntm/machine/memory.py draws them: normal with a deviation of 0.5, cut off at two of them.
// They are the same at every run, so that an edit shows what the edit changed.

const DEVIATION = 0.5, SEED = 1;

export function drawMemory(count) {
  const uniform = generator(SEED);
  return Float32Array.from({ length: count }, () => {
    for (;;) {
      const normal = Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
      if (Math.abs(normal) <= 2) return DEVIATION * normal;
    }
  });
}

// Numbers in [0, 1), by mulberry32.
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
