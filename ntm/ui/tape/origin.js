// Where an answer comes from: which slot a head is on, which step wrote what a slot holds, and so which step an output
// goes back to. Everything here is given a run and a step, and needs no page.

const ON_A_SLOT = 0.3;      // a head whose largest weight is below this is on no slot in particular
const LEAST_WRITTEN = 1e-3; // the squared length of a vector below which nothing was written

// The slot on which a head has most weight in a step: {slot, weight}.
function focusOf(run, head, step) {
  let slot = 0;
  for (let other = 1; other < run.slots; other++)
    if (weightAt(run, head, step, other) > weightAt(run, head, step, slot)) slot = other;
  return { slot, weight: weightAt(run, head, step, slot) };
}

// The slot on which a head has most weight before a step: {slot, weight}. All start on slot 0.
function focusBefore(run, head, step) {
  return step ? focusOf(run, head, step - 1) : { slot: 0, weight: 1 };
}

// How much of a head's weight on the slot that it is on came there by content, from 0 to 1. The rest came from where the
// head was before. Both are taken after the gate and the shift (equations 7 and 8); sharpening changes neither's order.
function contentShareOf(run, head, step) {
  const at = step * run.heads.length + head.gates, gate = run.gate[at], shifts = run.shift.shape[2], range = (shifts - 1) / 2;
  let most = -1, share = 0;
  for (let slot = 0; slot < run.slots; slot++) {
    let byContent = 0, fromBefore = 0;
    for (let index = 0; index < shifts; index++) {
      const from = (((slot - (index - range)) % run.slots) + run.slots) % run.slots, by = run.shift[at * shifts + index];
      byContent += by * gate * run.contentWeights[at * run.slots + from];
      fromBefore += by * (1 - gate) * weightBefore(run, head, step, from);
    }
    if (byContent + fromBefore > most) [most, share] = [byContent + fromBefore, byContent / (byContent + fromBefore)];
  }
  return share;
}

// Where the heads of a kind are in a step, as far as they are on one slot, the surest first: {head, slot, weight}, with
// the head's name.
function focusesOf(run, kind, step) {
  return run.heads.filter((head) => head.kind === kind)
    .map((head) => ({ head: head.name, ...focusOf(run, head, step) }))
    .filter(({ weight }) => weight >= ON_A_SLOT)
    .sort((a, b) => b.weight - a.weight);
}

// The step whose writing makes up most of what a slot holds before a given step; null where nothing was written. Each
// writing counts with what later erasing has left of it, and what somebody put in its place.
function writtenAt(run, slot, step) {
  const { width, writeHeads, erases, adds } = run, heads = run.heads.filter(({ kind }) => kind === "write");
  const kept = new Float64Array(width).fill(1);
  const most = { step: null, size: LEAST_WRITTEN };
  for (let at = step - 1; at >= 0; at--) {
    let size = 0;
    for (const { index } of overridesAt(run, at, "memory").filter((each) => each.slot === slot)) kept[index] = 0;
    for (let column = 0; column < width; column++) {
      let added = 0, left = 1;
      for (const head of heads) {
        const weight = weightAt(run, head, at, slot), vector = (at * writeHeads + head.index) * width + column;
        added += weight * adds[vector];
        left *= 1 - weight * erases[vector];
      }
      size += (kept[column] * added) ** 2;
      kept[column] *= left;
    }
    if (size > most.size) Object.assign(most, { step: at, size });
  }
  return most.step;
}

// The slot that the output of a step was read from, and the step that wrote it: {slot, step, ...} or null. Of several
// heads one that is where something was written while the input came in, and of these one that has moved: others may be
// on what the machine notes for itself.
function sourceOf(run, step) {
  const read = step - run.readDelay, before = focusesOf(run, "read", read - 1);
  const stays = ({ head, slot }) => before.some((other) => other.head === head && other.slot === slot);
  return focusesOf(run, "read", read)
    .map((focus) => ({ ...focus, step: writtenAt(run, focus.slot, read) }))
    .filter((source) => source.step !== null)
    .sort((a, b) => isScored(run, a.step) - isScored(run, b.step) || stays(a) - stays(b) || b.weight - a.weight)[0] ?? null;
}

// What a step has to do with another: where that came from which is read now, or when that is read which is written now.
// {slot, step, ...} or null.
function linkOf(run, step) {
  if (!run.slots) return null;
  if (isScored(run, step)) return sourceOf(run, step);
  const [written] = focusesOf(run, "write", step);
  if (!written) return null;
  for (let later = step + 1; later < run.steps; later++) {
    const isThere = ({ slot }) => slot === written.slot;
    if (!isScored(run, later) || !focusesOf(run, "read", later - run.readDelay).some(isThere)) continue;
    const source = sourceOf(run, later);
    if (source?.step === step && isThere(source)) return { ...written, step: later };
  }
  return null;
}
