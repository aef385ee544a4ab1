// What can be set in a run: the numbers that a head emits, where it is, and the cells of memory. Each is named by an override,
// see `trace` in ntm/engine/engine.js. Everything here is given a run, and needs no page.

// A strength or a sharpening is never more than this, for what the controller says is clipped.
const RANGES = {
  key: { least: -1, most: 1 }, strength: { least: 0, most: 20 }, gate: { least: 0, most: 1 }, shift: { least: 0, most: 1 },
  sharpening: { least: 1, most: 21 }, erase: { least: 0, most: 1 },
};
const MINUS = "−";

const signed = (by) => (by < 0 ? MINUS : by > 0 ? "+" : "") + Math.abs(by);
const nth = (index) => "number " + (index + 1);
const headOf = (run, { head }) => run.heads.find(({ gates }) => gates === head);

// What is replaced where a slot is cleared.
const clearSlot = (run, step, slot) =>
  Array.from({ length: run.width }, (_, index) => ({ step, field: "memory", slot, index, value: 0 }));

// The name of a number in a sentence.
function nameOf(run, override) {
  const { field, index, slot } = override;
  if (field === "memory") return nth(index) + " of slot " + slot;
  const { name } = headOf(run, override), range = (run.shift.shape[2] - 1) / 2;
  if (field === "add" || field === "erase") return nth(index) + " of what the " + name + " " + field + "s";
  const emitted = { key: nth(index) + " of the key", strength: "the key strength", shift: "the shift by " + signed(index - range) };
  return (emitted[field] ?? "the " + field) + " of the " + name;
}
