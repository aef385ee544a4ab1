// What the tape shows of a run, and how its numbers are looked up. Everything here is given the run that it works on, and
// needs no page. The run itself is made in ntm/ui/browser/run.js.

const TOUCHED = 0.02;      // a slot where a head once put more weight than this counts as used
const FEWEST_SLOTS = 16;   // the stretch of used slots is never shorter
const FAINT = 1e-2;        // a cell that never holds more than this is as good as empty

// The run with what is to be shown of its memory, which is found but once for all views. Where somebody changed a run,
// colours stay those of the original, and so do the slots on show as long as the heads are among them.
function prepareRun(run, original = null) {
  const before = original && prepareRun(original);
  run.brightest ??= before?.brightest ?? brightest(run);
  run.usedSlots ??= withinStretch(usedSlots(run), before?.usedSlots, run.slots);
  return run;
}

// The wider stretch, where it holds all of the other; else the other.
function withinStretch(stretch, wider, slots) {
  const after = wider && (stretch.first - wider.first + slots) % slots;
  return wider && after + stretch.count <= wider.count ? wider : stretch;
}

// The size of a value that is drawn in full colour: few cells ever hold more. Were it the largest of all, one that counts
// would leave the bits beside it too pale to see.
function brightest({ memory, slots, width }) {
  const peaks = new Float32Array(slots * width);
  for (let first = 0; first < memory.length; first += peaks.length) // there may be millions of numbers
    for (let cell = 0; cell < peaks.length; cell++) {
      const size = Math.abs(memory[first + cell]);
      if (size > peaks[cell]) peaks[cell] = size;
    }
  const held = peaks.filter((peak) => peak > FAINT).sort();
  return held.length ? held[Math.floor(0.9 * (held.length - 1))] : FAINT;
}

// The shortest stretch of the circular memory that holds every slot a head was on: {first, count}. All of memory, where
// that is not much more.
function usedSlots({ slots, writeWeights, readWeights }) {
  if (!slots) return { first: 0, count: 0 };
  const used = new Uint8Array(slots);
  for (const weights of [writeWeights, readWeights])
    for (let index = 0; index < weights.length; index++) if (weights[index] > TOUCHED) used[index % slots] = 1;
  let gapStart = 0, gapLength = 0, length = 0;
  for (let index = 0; index < 2 * slots; index++) {
    length = used[index % slots] ? 0 : length + 1;
    if (length > gapLength && length <= slots) [gapLength, gapStart] = [length, index - length + 1];
  }
  const count = Math.min(slots, Math.max(FEWEST_SLOTS, slots - gapLength + 2));
  if (count > 0.75 * slots) return { first: 0, count: slots };
  return { first: (gapStart + gapLength - 1 + slots) % slots, count };
}

// ---- looking things up -------------------------------------------------------------------------------------------

const weightAt = (run, head, step, slot) => head.weights[(step * head.count + head.index) * run.slots + slot];
const cellAt = (run, step, slot, column) => run.memory[(step * run.slots + slot) * run.width + column];

// What a register holds, which is the first column of memory: what all slots hold together.
function registerAt(run, step) {
  let held = 0;
  for (let slot = 0; slot < run.slots; slot++) held += cellAt(run, step, slot, 0);
  return held;
}

// A head's weight on a slot before a step. All start on slot 0.
function weightBefore(run, head, step, slot) {
  return step ? weightAt(run, head, step - 1, slot) : +(slot === 0);
}

// What somebody replaced in a step, of one kind, see `trace` in ntm/engine/engine.js.
const overridesAt = (run, step, field) => (run.overrides ?? []).filter((each) => each.step === step && each.field === field);

// Of a step and a slot: the most that one of the heads of a kind has there.
function weightsOfKind(run, kind) {
  const heads = run.heads.filter((head) => head.kind === kind);
  return (step, slot) => heads.reduce((most, head) => Math.max(most, weightAt(run, head, step, slot)), 0);
}

// Of a step and a bit: what is shown of a sequence of so many bits a step, which is nothing where none is due, unless all is.
const bitsToShow = (run, values, size, always) => (step, bit) => (always || isScored(run, step) ? values[step * size + bit] : 0);

const isScored = (run, step) => run.mask[step] > 0.5;

const isWrong = (run, outputs, step, bit) => {
  const index = step * run.outputSize + bit;
  const isKnown = !Number.isNaN(outputs[index]); // an LSTM may not have answered yet
  return run.certain && isKnown && isScored(run, step) && outputs[index] > 0.5 !== run.targets[index] > 0.5;
};

const isChanged = (run, step, bit) => {
  const index = step * run.outputSize + bit;
  return run.originalOutputs && isScored(run, step) && run.outputs[index] > 0.5 !== run.originalOutputs[index] > 0.5;
};
