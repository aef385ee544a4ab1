// A head over a small memory of its own, and what each of its numbers does. Everything here needs no page.

const ROWS = ["110100", "011010", "101001", "010111", "110110", "001101", "111000", "000111", "100101", "011100"];
const PATTERN = [1, 1, -1, 1, -1, -1];
const FIRST_SLOT = 2;

// Before the reader sets anything. The key is what is in the slot that is wanted.
const firstHead = () => ({
  memory: Float32Array.from(ROWS.join(""), (bit) => (bit === "1" ? 0.9 : -0.9)),
  wanted: 6, strength: 4, gate: 0.8, shift: [0.05, 0.15, 0.8], sharpening: 1.5, erase: 1, add: 1,
  before: Float32Array.from(ROWS, (_, slot) => +(slot === FIRST_SLOT)),
});

// What each stage makes of the one before, as `stagesOf` has it for a run.
function weigh(head) {
  const { memory, wanted, sharpening, before } = head, width = PATTERN.length;
  const key = memory.subarray(wanted * width, (wanted + 1) * width);
  const stages = stagesFrom(memory, before, { ...head, key }, 0);
  return { ...head, key, ...stages, weighting: sharpen(stages.shifted, sharpening) };
}

// Equation 9.
function sharpen(weighting, sharpening) {
  const powers = weighting.map((weight) => weight ** sharpening), sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

// Equation 2: a vector (M).
function readFrom(memory, weighting) {
  const width = memory.length / weighting.length;
  return Float32Array.from({ length: width }, (_, column) =>
    weighting.reduce((sum, weight, slot) => sum + weight * memory[slot * width + column], 0));
}

// Equations 3 and 4: memory (N, M) after a vector was wiped out and another put in.
function writeTo(memory, weighting, erase, add) {
  const width = memory.length / weighting.length;
  return memory.map((value, at) => {
    const weight = weighting[Math.floor(at / width)], column = at % width;
    return value * (1 - weight * erase[column]) + weight * add[column];
  });
}
