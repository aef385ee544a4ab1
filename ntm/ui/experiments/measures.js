// What happened in a run, as far as an experiment asks for it. Each measure is given the run and, where numbers in it were
// replaced, the run before. It returns the key of the answer that is right and the facts that a word why may tell of; null
// where the run does not say so yet, for the LSTM answers later.

const ON_A_SLOT = 0.3; // a head whose largest weight is below this is on no slot in particular
const SURE = 0.9;

const stepsOf = (run) => Array.from({ length: run.steps }, (_, step) => step);
const stepsDue = (run) => stepsOf(run).filter((step) => run.mask[step] > 0.5);
const bitAt = (values, run, step, bit) => values[step * run.outputSize + bit] > 0.5;

// How many bits of a step's row differ.
function differing(run, step, values, others) {
  let count = 0;
  for (let bit = 0; bit < run.outputSize; bit++) count += bitAt(values, run, step, bit) !== bitAt(others, run, step, bit);
  return count;
}

// Of every row that is due, how many of its bits are wrong.
const wrongBits = (run, outputs) => stepsDue(run).map((step) => differing(run, step, outputs, run.targets));

// The numbers of the rows, from 1, of which some are not 0.
const numbersOf = (rows) => rows.flatMap((value, index) => (value ? [index + 1] : []));

const sum = (values) => values.reduce((total, value) => total + value, 0);

// What a register holds, which is the first column of memory: what all slots hold together.
const registerAt = ({ memory, slots, width }, step) =>
  sum(Array.from({ length: slots }, (_, slot) => memory[(step * slots + slot) * width]));

const lstmHasAnswered = ({ baselineOutputs }) => baselineOutputs && !Number.isNaN(baselineOutputs[0]);

// The slot on which a head has most weight in a step: { slot, weight }.
function focusOf({ slots }, { weights, count, index }, step) {
  const own = weights.subarray((step * count + index) * slots, (step * count + index + 1) * slots);
  const slot = own.reduce((most, weight, other) => (weight > own[most] ? other : most), 0);
  return { slot, weight: own[slot] };
}

const headsOf = (run, kind) => run.heads.filter((head) => head.kind === kind);
const inPercent = (share) => (100 * share).toFixed(share < 0.1 ? 1 : 0);

// Of the rows due, which come out otherwise than before.
const changedRows = (run, original) =>
  numbersOf(stepsDue(run).map((step) => differing(run, step, run.outputs, original.outputs)));

export const MEASURES = {
  firstToFail(run) {
    if (!lstmHasAnswered(run)) return null;
    const [machine, lstm] = [run.outputs, run.baselineOutputs].map((outputs) => numbersOf(wrongBits(run, outputs))[0] ?? Infinity);
    const key = machine === lstm ? (machine === Infinity ? "neither" : "both") : machine < lstm ? "machine" : "lstm";
    return { key, lstm, machine: machine === Infinity ? "makes no mistake" : "goes wrong at letter " + machine, letters: stepsDue(run).length };
  },

  lostPart(run) {
    const rows = wrongBits(run, run.outputs), over = rows.length - run.slots;
    const [first, last] = [rows.slice(0, over), rows.slice(-over)].map((part) => numbersOf(part).length);
    return { key: sum(rows) === 0 ? "none" : first > last ? "first" : "last", over, first, last, letters: rows.length, slots: run.slots };
  },

  stillRight(run) {
    const rows = wrongBits(run, run.outputs), wrong = sum(rows);
    return { key: wrong ? "wrong" : "right", wrong, bits: (rows.length * run.outputSize).toLocaleString("en-US"), slots: run.slots };
  },

  changedLetter(run, original) {
    const changed = changedRows(run, original);
    return { key: changed.length === 1 ? String(changed[0]) : "more", changed: changed.length };
  },

  // Whether rows come a step late from some row on, as they came before.
  late(run, original) {
    const changed = changedRows(run, original), [first] = changed;
    const before = original.outputs.map((_, index, outputs) => outputs[index - run.outputSize]);
    const isLate = stepsDue(run).slice(first).every((step) => differing(run, step, run.outputs, before) === 0);
    return { key: !changed.length ? "none" : changed.length === 1 ? "one" : isLate ? "late" : "other", first };
  },

  lostAfter(run, original) {
    const changed = changedRows(run, original), { step } = run.overrides[0], { weight } = focusOf(run, headsOf(run, "read")[0], step);
    const later = stepsDue(run).filter((each) => each >= step).length;
    const key = !changed.length ? "none" : changed.length === 1 ? "one" : changed.length > later / 2 ? "rest" : "other";
    return { key, first: changed[0], changed: changed.length, weight: inPercent(weight) };
  },

  // In which steps of the repeats the register goes down, and at which vector.
  countsDown(run) {
    const repeats = stepsDue(run).slice(0, -1), { length } = run.question.rows;
    const falls = repeats.flatMap((step, index) => (registerAt(run, step - 1) - registerAt(run, step) > 0.5 ? [index] : []));
    const at = (row) => falls.length > 0 && falls.every((index) => index % length === row);
    const key = falls.length === repeats.length ? "each" : at(0) ? "first" : at(length - 1) ? "last" : "other";
    return { key, times: falls.length, steps: falls.map((index) => repeats[index] + 1).join(", ") };
  },

  // After how many times the end is said, in the last bit of a row.
  rounds(run) {
    if (!lstmHasAnswered(run)) return null;
    const { number: asked, rows } = run.question;
    const of = (outputs) => stepsDue(run).findIndex((step) => bitAt(outputs, run, step, run.outputSize - 1)) / rows.length;
    const [rounds, lstm] = [run.outputs, run.baselineOutputs].map(of);
    const key = rounds < 0 ? "never" : rounds === asked ? "asked" : rounds === asked / 2 ? "trained" : "other";
    return { key, rounds, asked, lstm: lstm < 0 ? "does not say the end at all" : "says it after " + lstm.toFixed(1) + " times" };
  },

  whoKnows(run) {
    if (!lstmHasAnswered(run)) return null;
    const [machine, lstm] = [run.outputs, run.baselineOutputs].map((outputs) => sum(wrongBits(run, outputs)));
    const key = machine ? (lstm ? "neither" : "lstm") : lstm ? "machine" : "both";
    return { key, machine, lstm, bits: stepsDue(run).length * run.outputSize };
  },

  // Where the read head is in the last step before the question, and when the answer is read.
  whereBefore(run) {
    const [read] = headsOf(run, "read"), [write] = headsOf(run, "write"), [begins] = stepsDue(run);
    const asked = begins - run.question.rows.length / run.sizes.items - 2, { slot, weight } = focusOf(run, read, asked - 1);
    const answer = focusOf(run, read, begins), last = focusOf(run, write, asked - 1).slot;
    const key = weight < ON_A_SLOT ? "everywhere" : slot === last ? "last" : slot === 0 ? "start" : "other";
    return { key, slot, weight: inPercent(weight), answer: answer.slot, found: inPercent(answer.weight) };
  },

  // From which bit on every bit is foreseen with more than so much certainty.
  sureAfter(run) {
    const isSure = (step) => (run.targets[step] > 0.5 ? run.outputs[step] : 1 - run.outputs[step]) > SURE;
    const last = stepsOf(run).findLastIndex((step) => !isSure(step));
    const bit = last + 3; // the output of a step is the bit after its own
    const key = bit > run.steps + 1 ? "never" : bit > 100 ? "long" : bit > 2 * 4 + 1 ? "several" : "once";
    return { key, bit };
  },

  writingOrder(run) {
    const { priorities, rows } = run.question, [write] = headsOf(run, "write");
    const slots = rows.map((_, step) => focusOf(run, write, step).slot), by = slots[1] - slots[0];
    const isNext = (index) => (slots[index] - slots[index - 1] - by) % run.slots === 0 && Math.abs(by) === 1;
    const sorted = [...rows.keys()].sort((a, b) => priorities[b] - priorities[a]).map((row) => slots[row]);
    const isSorted = (numbers) => numbers.every((slot, index) => !index || slot > numbers[index - 1]);
    const isInTurn = rows.every((_, index) => !index || isNext(index));
    const key = isInTurn ? "come" : isSorted(sorted) || isSorted(sorted.reverse()) ? "sorted" : "other";
    return { key, first: slots[0], last: slots.at(-1) };
  },

  // Whether the write head is where the read head is, in every step of the answer.
  follower(run) {
    const [read] = headsOf(run, "read"), [write] = headsOf(run, "write"), steps = stepsDue(run);
    const slots = steps.map((step) => focusOf(run, write, step).slot);
    const apart = steps.filter((step, index) => slots[index] !== focusOf(run, read, step).slot).length;
    const key = !apart ? "follows" : new Set(slots).size === 1 ? "parked" : "elsewhere";
    return { key, steps: steps.length, slot: slots[0], apart };
  },
};
