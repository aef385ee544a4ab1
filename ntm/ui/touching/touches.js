// Touches as a part of an address, and in words. A touch is a list of overrides, of which the first is what was set:
//
//   5_gate_1_0_0.25             in step 5 (from 0), of head 1 (read heads first), number 0 of the gate becomes 0.25
//   5_shift_1_2_0.5_0_0_1_0.5   numbers 2, 0 and 1 of a shift
//   9_weighting_0_17            head 0 is put on slot 17
//   9_memory_17_3_-0.5          number 3 of slot 17
//   29_clear_17                 all numbers of slot 17 become 0
//
// Everything here is given a run, and needs no page.

const BETWEEN_TOUCHES = "~"; // neither needs an escape in an address
const BETWEEN_PARTS = "_";
const NUMBER = new RegExp("^-?[0-9]{1,4}([.][0-9]{1,4})?$"); // a backslash would not get through Gradio
const WHOLE = new RegExp("^[0-9]{1,6}$");
const LARGEST = 1000; // that memory is set to

const writeTouches = (touches) => touches.map(writeTouch).join(BETWEEN_TOUCHES);

function writeTouch(overrides) {
  const [{ step, field, head, slot }] = overrides;
  const parts = isClearing(overrides) ? ["clear", slot]
    : field === "weighting" ? [field, head, slot]
    : [field, slot ?? head, ...overrides.flatMap(({ index, value }) => [index, value])];
  return [step, ...parts].join(BETWEEN_PARTS);
}

const isClearing = (overrides) => overrides[0].field === "memory" && overrides.length > 1;

// The touches of a part of an address; null where this run has no such numbers.
function readTouches(run, text) {
  const touches = text.split(BETWEEN_TOUCHES).map((each) => readTouch(run, each.split(BETWEEN_PARTS)));
  return touches.includes(null) ? null : touches;
}

function readTouch(run, [when, field, which, ...rest]) {
  const isOfSlot = field === "memory" || field === "clear", override = { step: wholeBelow(when, run.steps), field };
  const place = wholeBelow(which, isOfSlot ? run.slots : run.heads.length);
  if (override.step === null || place === null) return null;
  if (field === "clear") return rest.length ? null : clearSlot(run, override.step, place);
  if (field === "weighting") {
    const slot = wholeBelow(rest[0], run.slots);
    return rest.length === 1 && slot !== null ? [{ ...override, head: place, slot }] : null;
  }
  const size = sizeOfField(run, field, place), at = field === "memory" ? { slot: place } : { head: place };
  const numbers = rest.flatMap((index, i) => (i % 2 ? [] : [{ ...override, ...at, index: wholeBelow(index, size), value: valueOf(field, rest[i + 1]) }]));
  const isWhole = numbers.length === (field === "shift" ? size : 1) && new Set(numbers.map(({ index }) => index)).size === numbers.length;
  return isWhole && numbers.every(({ index, value }) => index !== null && value !== null) ? numbers : null;
}

// How many numbers a field has, 0 where there is no such field.
function sizeOfField(run, field, head) {
  if (field === "shift") return run.shift.shape[2];
  if (field === "add" || field === "erase") return head < run.readHeads ? 0 : run.width;
  if (field === "key" || field === "memory") return run.width;
  return Object.hasOwn(RANGES, field) ? 1 : 0;
}

function wholeBelow(text, most) {
  return WHOLE.test(text) && Number(text) < most ? Number(text) : null;
}

function valueOf(field, text) {
  const { least, most } = RANGES[field] ?? { least: -LARGEST, most: LARGEST }, value = Number(text);
  return NUMBER.test(text) && value >= least && value <= most ? value : null;
}

// What was done, as the end of a sentence that begins with "you".
function touchWords(run, overrides) {
  const [first] = overrides, { field, slot, value } = first;
  if (field === "weighting") return "put the " + headOf(run, first).name + " on slot " + slot;
  return isClearing(overrides) ? "cleared slot " + slot : "set " + nameOf(run, first) + " to " + value.toFixed(2);
}

// Whether two touches set the same, so that the later is in place of the earlier.
function isSameTouch(touch, other) {
  const keyOf = (overrides) => {
    const [{ step, field, head, slot, index }] = overrides;
    return [step, field, head, field === "weighting" ? null : slot, isClearing(overrides) ? null : index].join();
  };
  return keyOf(touch) === keyOf(other);
}
