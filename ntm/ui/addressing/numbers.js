// The numbers that a head emits, and what it finds and leaves in memory: what each is called, what it can be, and what is
// replaced in the run where somebody sets it. Everything here is given a run, and needs no page.

// The numbers to show for a head in a step, in groups by their place on the page. Each has the paper's sign, its name
// in a sentence, its range and value, and `overrides(value)`, what the run is to be made with; it is null where the
// server made the run, which does not make it again. `chosen` is the row of the vectors and the slot whose numbers are
// shown.
function numbersOf(run, head, step, chosen) {
  const { row, slot } = chosen, quantities = rangeOfQuantities(run);
  const number = (field, index, sign, value, range) => {
    const override = { step, field, head: head.gates, index };
    return { sign, name: nameOf(run, override), ...range, value, overrides: ifHere(run, (value) => [{ ...override, value }]) };
  };
  const emitted = (field, sign, index = 0) => number(field, index, sign, emittedBy(run, head, step, field)[index], RANGES[field]);
  const written = (field, vectors, range) =>
    number(field, row, field[0] + "(" + (row + 1) + ")", vectors[(step * head.count + head.index) * run.width + row], range);
  const shift = emittedBy(run, head, step, "shift"), range = (shift.length - 1) / 2;
  return {
    key: [emitted("key", "k(" + (row + 1) + ")", row)],
    strength: [emitted("strength", "β")],
    gate: [emitted("gate", "g")],
    shift: Array.from(shift, (_, index) => ({
      ...emitted("shift", "s(" + signed(index - range) + ")", index),
      overrides: ifHere(run, (value) => {
        const shares = shiftWith(shift, index, value).map((share, at) => ({ step, field: "shift", head: head.gates, index: at, value: share }));
        return [shares[index], ...shares.filter((_, at) => at !== index)];
      }),
    })),
    sharpening: [emitted("sharpening", "γ")],
    vectors: head.kind === "write" ? [written("erase", run.erases, RANGES.erase), written("add", run.adds, quantities)] : [],
    memory: [cellNumber(run, step, slot, row)],
  };
}

// A cell of memory after a step's writing.
function cellNumber(run, step, slot, row) {
  const override = { step, field: "memory", slot, index: row };
  return {
    sign: "M(" + slot + ", " + (row + 1) + ")", name: nameOf(run, override), ...rangeOfQuantities(run),
    value: cellAt(run, step, slot, row),
    overrides: ifHere(run, (value) => [{ ...override, value }]),
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
