// How a head comes to its weighting, stage by stage: the paper's figure 2. Everything here is given a run, a head and a
// step, and needs no page.

const NORM_EPSILON = 1e-20; // as in ntm/machine/addressing.py

// A head's numbers of one kind in a step, of which there may be but one.
function emittedBy(run, head, step, field) {
  const size = run[field].shape[2] ?? 1, at = (step * run.heads.length + head.gates) * size;
  return run[field].subarray(at, at + size);
}

// Memory (N, M) as a step found it.
function memoryBefore(run, step) {
  const size = run.slots * run.width;
  return step ? run.memory.subarray((step - 1) * size, step * size) : run.initialMemory;
}

// A head's weighting (N) after a step; after step -1 it is on slot 0, as all heads are before the first step.
function weightingAfter(run, head, step) {
  if (step < 0) return Float32Array.from({ length: run.slots }, (_, slot) => +(slot === 0));
  const at = (step * head.count + head.index) * run.slots;
  return head.weights.subarray(at, at + run.slots);
}

// What each stage makes of the one before, (N) each. The last one is what the run had, which is another where somebody
// put the head on a slot.
function stagesOf(run, head, step) {
  const [key, shift] = ["key", "shift"].map((field) => emittedBy(run, head, step, field));
  const [strength, gate, sharpening] = ["strength", "gate", "sharpening"].map((field) => emittedBy(run, head, step, field)[0]);
  const before = weightingAfter(run, head, step - 1), weighting = weightingAfter(run, head, step);
  const emitted = { key, strength, gate, shift };
  return { ...emitted, sharpening, before, ...stagesFrom(memoryBefore(run, step), before, emitted, run.register ? 1 : 0), weighting };
}

// The stages up to the shift, from memory (N, M), the weighting before (N) and what a head emits. Memory's columns before
// the first are not compared.
function stagesFrom(memory, before, { key, strength, gate, shift }, firstColumn) {
  const similarity = similarityOf(memory, key, firstColumn), content = contentWeighting(similarity, strength);
  const byContent = content.map((weight) => gate * weight);
  const gated = byContent.map((weight, slot) => weight + (1 - gate) * before[slot]);
  return { similarity, content, byContent, gated, shifted: shiftBy(gated, shift) };
}

// Equation 6: the cosine of the key and each slot. A register's column, which comes first, is not compared.
function similarityOf(memory, key, firstColumn) {
  const width = key.length, keyNorm = Math.sqrt(dot(key, 0, key, 0, firstColumn, width) + NORM_EPSILON);
  return Float32Array.from({ length: memory.length / width }, (_, slot) => {
    const at = slot * width, norm = Math.sqrt(dot(memory, at, memory, at, firstColumn, width) + NORM_EPSILON);
    return dot(memory, at, key, 0, firstColumn, width) / (norm * keyNorm);
  });
}

function dot(a, aStart, b, bStart, first, end) {
  let sum = 0;
  for (let index = first; index < end; index++) sum += a[aStart + index] * b[bStart + index];
  return sum;
}

// Equation 5.
function contentWeighting(similarity, strength) {
  const powers = similarity.map((cosine) => Math.exp(strength * (cosine - 1)));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

// Equation 8, around the circle of slots.
function shiftBy(weighting, shift) {
  const slots = weighting.length, range = (shift.length - 1) / 2;
  return weighting.map((_, slot) => {
    const from = (by) => weighting[(((slot - by) % slots) + slots) % slots];
    return shift.reduce((sum, share, index) => sum + share * from(index - range), 0);
  });
}

// ---- in words ----------------------------------------------------------------------------------------------------

const inPercent = (share) => (share >= 0.0005 && share < 0.01 ? (100 * share).toFixed(1) : Math.round(100 * share)) + " %";

function peakOf(values) {
  const slot = values.reduce((most, value, other) => (value > values[most] ? other : most), 0);
  return { slot, value: values[slot] };
}

// How many slots hold most of a weighting: the exponential of its entropy.
function spreadOf(weighting) {
  return Math.exp(weighting.reduce((sum, weight) => (weight > 0 ? sum - weight * Math.log(weight) : sum), 0));
}

const onSlots = (weighting) => {
  const { slot, value } = peakOf(weighting), spread = spreadOf(weighting);
  if (spread > 0.97 * weighting.length) return "about the same on every slot, " + inPercent(value);
  return inPercent(value) + " on slot " + slot + (spread < 1.5 ? "" : ", the rest on others");
};

// A sentence a stage, by its name.
function stageWords({ similarity, strength, gate, shift, sharpening, before, content, gated, shifted, weighting }) {
  const like = peakOf(similarity), was = peakOf(before), range = (shift.length - 1) / 2;
  const moves = Array.from(shift, (share, index) => ({ share, by: index - range })).sort((a, b) => b.share - a.share);
  const { by, share } = moves[0];
  const moved = by === 0 ? "stays" : "moves " + (Math.abs(by) === 1 ? "one slot" : Math.abs(by) + " slots") + (by > 0 ? " on" : " back");
  return {
    similarity: "Slot " + like.slot + " is most like the key: " + like.value.toFixed(2) + ".",
    content: "Strength " + strength.toFixed(2) + " makes of that " + onSlots(content) + ".",
    gated: inPercent(gate) + " of this, and " + inPercent(1 - gate) + " (pale) of where the head was, slot " + was.slot + ".",
    shifted: inPercent(share) + " of it " + moved + ": " + onSlots(shifted) + ".",
    weighting: "To the power of " + sharpening.toFixed(2) + ": " + onSlots(weighting) + ".",
  };
}
