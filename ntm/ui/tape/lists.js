// A run as lists, for those who read it rather than look at it: every step, and what is in memory. Everything here is given
// a run and returns text.

const bitsOf = (values, step, size) => Array.from(values.subarray(step * size, (step + 1) * size), Math.round).join("");

// The titles of the columns of `stepRows`.
const stepTitles = (run) => ["step", "what it is about", "input", "due", "output", ...run.heads.map(({ name }) => name)];

// A row a step: its number and caption, what came in, what was due and came out, and the slot that each head is on.
function stepRows(run) {
  return run.captions.map((caption, step) => {
    const scored = isScored(run, step);
    const answer = (values) => (scored ? bitsOf(values, step, run.outputSize) : "");
    const slots = run.heads.map((head) => {
      const { slot, weight } = focusOf(run, head, step);
      return weight < ON_A_SLOT ? "many slots" : "slot " + slot;
    });
    return [step + 1, caption, bitsOf(run.inputs, step, run.inputSize), answer(run.targets), answer(run.outputs), ...slots];
  });
}

const slotTitles = (run) => ["slot", "written in", ...run.heads.map(({ name }) => "weight of the " + name)];

// A row for each slot that holds something or that a head is on: its number, the step that wrote most of it, and the
// weight of each head.
function slotRows(run, step) {
  return Array.from({ length: run.slots }, (_, slot) => {
    const written = writtenAt(run, slot, step + 1);
    const weights = run.heads.map((head) => percent(weightAt(run, head, step, slot)));
    return [slot, written === null ? "" : "step " + (written + 1), ...weights];
  }).filter(([, written, ...weights]) => written || weights.some((weight) => weight !== percent(0)));
}
