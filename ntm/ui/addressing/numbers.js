// The numbers that a head emits, and what it finds and leaves in memory: what each is called, what it can be, and what is
// replaced in the run where somebody sets it. Everything here is given a run, and needs no page.

// A strength or a sharpening is never more than this, for what the controller says is clipped.
const RANGES = {
  key: { least: -1, most: 1 }, strength: { least: 0, most: 20 }, gate: { least: 0, most: 1 }, shift: { least: 0, most: 1 },
  sharpening: { least: 1, most: 21 }, erase: { least: 0, most: 1 },
};
const MINUS = "−";

const signed = (by) => (by < 0 ? MINUS : by > 0 ? "+" : "") + Math.abs(by);
const nth = (index) => "number " + (index + 1);

// The numbers to show for a head in a step, in groups by their place on the page. Each has the paper's sign, its name
// in a sentence, its range and value, and `overrides(value)`, what the run is to be made with; it is null where the
// server made the run, which does not make it again. `chosen` is the row of the vectors and the slot whose numbers are
// shown.
function numbersOf(run, head, step, chosen) {
  const { row, slot } = chosen, of = " of the " + head.name, quantities = rangeOfQuantities(run);
  const emitted = (field, sign, name, index = 0) => ({
    sign, name: name + of, ...RANGES[field], value: emittedBy(run, head, step, field)[index],
    overrides: ifHere(run, (value) => [{ step, field, head: head.gates, index, value }]),
  });
  const written = (field, vectors, range) => ({
    sign: field[0] + "(" + (row + 1) + ")", name: nth(row) + " of what the " + head.name + " " + (field === "add" ? "adds" : "erases"), ...range,
    value: vectors[(step * head.count + head.index) * run.width + row],
    overrides: ifHere(run, (value) => [{ step, field, head: head.gates, index: row, value }]),
  });
  const shift = emittedBy(run, head, step, "shift"), range = (shift.length - 1) / 2;
  return {
    key: [emitted("key", "k" + "(" + (row + 1) + ")", nth(row) + " of the key", row)],
    strength: [emitted("strength", "β", "the key strength")],
    gate: [emitted("gate", "g", "the gate")],
    shift: Array.from(shift, (_, index) => ({
      ...emitted("shift", "s(" + signed(index - range) + ")", "the shift by " + signed(index - range), index),
      overrides: ifHere(run, (value) =>
        shiftWith(shift, index, value).map((share, at) => ({ step, field: "shift", head: head.gates, index: at, value: share }))),
    })),
    sharpening: [emitted("sharpening", "γ", "the sharpening")],
    vectors: head.kind === "write" ? [written("erase", run.erases, RANGES.erase), written("add", run.adds, quantities)] : [],
    memory: [cellNumber(run, step, slot, row)],
  };
}

// A cell of memory after a step's writing.
function cellNumber(run, step, slot, row) {
  return {
    sign: "M(" + slot + ", " + (row + 1) + ")", name: nth(row) + " of slot " + slot, ...rangeOfQuantities(run),
    value: cellAt(run, step, slot, row),
    overrides: ifHere(run, (value) => [{ step, field: "memory", slot, index: row, value }]),
  };
}

const ifHere = (run, overrides) => (run.byServer ? null : overrides);

// What is added and held is of any size where the machine has an extension.
function rangeOfQuantities({ brightest }) {
  const most = Math.max(1, Math.ceil(1.5 * brightest));
  return { least: -most, most };
}

// The shares of a shift of which one has become `value`: the others keep their proportions, and the sum is 1.
function shiftWith(shift, index, value) {
  const others = 1 - shift[index], left = 1 - value;
  return Array.from(shift, (share, at) => {
    if (at === index) return value;
    return others > 1e-6 ? (share / others) * left : left / (shift.length - 1);
  });
}
