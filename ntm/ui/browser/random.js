// Random numbers that follow from a seed alone, which the browser's own do not.

const DEVIATION = 0.5; // of what is in memory at first
const SEED = 1;

/** A stream of them, by the generator sfc32 of C. Doty-Humphrey. */
export class Random {
  constructor(seed) {
    this.state = Uint32Array.of(seed, seed / 2 ** 32, 0, 1);
    for (let i = 0; i < 16; i += 1) this.uniform(); // until the bits of the seed have reached all others
  }

  /** In [0, 1). */
  uniform() {
    const state = this.state, found = (state[0] + state[1] + state[3]) >>> 0;
    state[3] += 1;
    state[0] = state[1] ^ (state[1] >>> 9);
    state[1] = state[2] + (state[2] << 3);
    state[2] = ((state[2] << 21) | (state[2] >>> 11)) + found;
    return found / 2 ** 32;
  }

  /** A whole number from `first` to `last`. */
  whole(first, last) {
    return first + Math.floor(this.uniform() * (last - first + 1));
  }

  /** From the normal distribution around 0, by the polar method of Marsaglia. */
  normal(deviation) {
    for (;;) {
      const x = 2 * this.uniform() - 1, y = 2 * this.uniform() - 1, square = x * x + y * y;
      if (square > 0 && square < 1) return deviation * x * Math.sqrt((-2 * Math.log(square)) / square);
    }
  }

  /** As `normal`, cut off at two deviations. */
  cutNormal(deviation) {
    for (;;) {
      const found = this.normal(deviation);
      if (Math.abs(found) <= 2 * deviation) return found;
    }
  }
}

/**
 * Random contents of memory as ntm/machine/memory.py draws them: normal, cut off at two deviations. Unless a stream is
 * given they are the same at every run, so that an edit shows what the edit changed.
 */
export const drawMemory = (count, random = new Random(SEED)) =>
  Float32Array.from({ length: count }, () => random.cutNormal(DEVIATION));
