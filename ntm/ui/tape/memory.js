// Draws memory as it is at one step, a column a slot, with the slots' numbers right below it, the write heads' weightings
// above and the read heads' below, the input on its left and the output on its right.

const LANE = 36, LABEL = 15, GAP = 8;
const LEAST_ROW = 5, MOST_ROW = 14, ANSWER = 104, NARROW_ANSWER = 152;
const LEAST_DRAWN = 0.004; // a weight below this has no bar
const LEAST_GHOST = 0.02;  // nor has one a ghost that is as small, or as near to what it was

// The slot in a column, counted from the left.
const slotAt = ({ run, stretch }, column) => (stretch.first + column) % run.slots;

// Where things are on the canvas, in CSS pixels.
function layoutMemory({ run, stretch, width, room }) {
  const gutter = width < 560 ? 34 : 76;
  const lane = (heads) => (heads > 1 ? Math.max(18, (1.6 * LANE) / heads) : LANE);
  const writeLane = lane(run.writeHeads), readLane = lane(run.readHeads);
  const answer = gutter < 50 ? NARROW_ANSWER : ANSWER; // which is below and is to be in sight as well
  const lanes = writeLane * run.writeHeads + GAP + LABEL + readLane * run.readHeads;
  const row = Math.min(MOST_ROW, Math.max(LEAST_ROW, Math.floor((room - answer - lanes) / run.width)));
  const top = writeLane * run.writeHeads + GAP, height = row * run.width, bottom = top + height;
  const tape = width - 2 * gutter, cell = tape / stretch.count;
  const readTop = bottom + LABEL, total = readTop + readLane * run.readHeads;
  return { gutter, writeLane, readLane, row, top, height, bottom, readTop, tape, cell, total };
}

// The slot at a place on the canvas, and the column of its vector, which is null beside the cells; null beside the tape.
function slotUnder(scene, x, y) {
  const at = layoutMemory(scene), place = Math.floor((x - at.gutter) / at.cell), row = Math.floor((y - at.top) / at.row);
  if (place < 0 || place >= scene.stretch.count) return null;
  return { slot: slotAt(scene, place), column: row >= 0 && row < scene.run.width ? row : null };
}

// The head in whose lane a place on the canvas is, or null.
function headUnder(scene, y) {
  const at = layoutMemory(scene), { run } = scene, written = (at.top - GAP - y) / at.writeLane, read = (y - at.readTop) / at.readLane;
  const of = (kind, index) => run.heads.find((head) => head.kind === kind && head.index === Math.floor(index)) ?? null;
  return of("write", written) ?? of("read", read);
}

function drawMemory(canvas, scene) {
  const { run, palette, width } = scene, at = layoutMemory(scene), context = prepare(canvas, at.total);
  drawSlots(context, at, scene);
  drawLanes(context, at, scene, "write");
  drawLanes(context, at, scene, "read");
  drawSlotNumbers(context, at, scene);
  const input = (row) => ({ value: run.inputs[scene.step * run.inputSize + row], wrong: false });
  const output = (row) => {
    const value = run.outputs[scene.step * run.outputSize + row];
    const changed = isChanged(run, scene.step, row), wrong = isWrong(run, run.outputs, scene.step, row);
    return { value: isScored(run, scene.step) ? value : 0.15 * value, wrong, changed };
  };
  drawVector(context, at, palette, 0, "input", run.inputSize, input);
  drawVector(context, at, palette, width - at.gutter, "output", run.outputSize, output);
}

function drawSlots(context, at, scene) {
  const { run, stretch, position, palette } = scene;
  const values = new Float32Array(run.slots * run.width);
  eachAt(position, run.steps, run.memory, values.length, (index, value) => { values[index] = value; });
  const valueAt = (column, row) => values[slotAt(scene, column) * run.width + row];
  drawQuantities(context, stretch.count, run.width, valueAt, run.brightest, palette, at.gutter, at.top, at.tape, at.height);
  context.strokeStyle = css(palette.line);
  context.strokeRect(at.gutter - 0.5, at.top - 0.5, at.tape + 1, at.height + 1);
}

// Calls `visit(index, value)` for each of the `size` numbers that an array has at a position, which may lie between two
// steps: so motion is smooth at any speed.
function eachAt(position, steps, array, size, visit) {
  const before = Math.floor(position), mix = position - before;
  const after = Math.min(before + 1, steps - 1);
  for (let index = 0; index < size; index++) {
    const from = array[before * size + index];
    visit(index, from + (array[after * size + index] - from) * mix);
  }
}

// The weightings of the read or the write heads as bars that stand on the tape or hang from it, one lane a head.
function drawLanes(context, at, { run, original, step, stretch, position, palette }, kind) {
  const writes = kind === "write", lane = writes ? at.writeLane : at.readLane;
  const [heads, weights] = writes ? [run.writeHeads, run.writeWeights] : [run.readHeads, run.readWeights];
  const first = writes ? at.top - GAP : at.readTop;
  const baseline = (head) => (writes ? first - lane * head : first + lane * head);
  const thickness = Math.max(1, at.cell - (at.cell > 4 ? 1 : 0));
  context.fillStyle = css(palette.line);
  for (let head = 0; head < heads; head++) context.fillRect(at.gutter, baseline(head) - 0.5, at.tape, 1);
  context.fillStyle = css(palette[kind]);
  eachAt(position, run.steps, weights, heads * run.slots, (index, weight) => {
    const column = ((index % run.slots) - stretch.first + run.slots) % run.slots;
    if (weight < LEAST_DRAWN || column >= stretch.count) return;
    const length = weight * (lane - 6), y = baseline(Math.floor(index / run.slots));
    context.fillRect(at.gutter + column * at.cell, writes ? y - length : y, thickness, length);
    // A frame around the slot itself, so that the eye sees which one is touched.
    context.strokeStyle = css(palette[kind], weight);
    context.lineWidth = 2;
    context.strokeRect(at.gutter + column * at.cell, at.top, Math.max(2, at.cell - 1), at.height);
    context.lineWidth = 1;
  });
  if (original) drawGhosts(context, at, { run, original, step, stretch, palette }, kind, baseline);
  context.textAlign = "right";
  context.fillStyle = css(palette[kind]);
  const middle = (lane * heads) / 2, label = kind + (at.gutter < 50 ? "" : heads > 1 ? " heads" : " head");
  context.fillText(label, at.gutter - 6, writes ? first - middle : first + middle);
}

// Where the heads of a kind were before somebody changed something, where that is elsewhere.
function drawGhosts(context, at, { run, original, step, stretch, palette }, kind, baseline) {
  context.strokeStyle = css(palette.ink);
  context.setLineDash([3, 2]);
  original.heads.forEach((head, place) => {
    if (head.kind !== kind) return;
    for (let column = 0; column < stretch.count; column++) {
      const slot = slotAt({ run, stretch }, column), weight = weightAt(original, head, step, slot);
      if (weight < LEAST_GHOST || Math.abs(weight - weightAt(run, run.heads[place], step, slot)) < LEAST_GHOST) continue;
      const length = weight * ((kind === "write" ? at.writeLane : at.readLane) - 6), y = baseline(head.index);
      context.strokeRect(at.gutter + column * at.cell + 0.5, kind === "write" ? y - length : y, Math.max(2, at.cell - 2), length);
    }
  });
  context.setLineDash([]);
}

function drawSlotNumbers(context, at, scene) {
  const every = [1, 2, 4, 8, 16, 32, 64, 128].find((n) => n * at.cell >= 26) || 256;
  context.fillStyle = css(scene.palette.text);
  context.textAlign = "right";
  context.fillText("slot", at.gutter - 13, at.bottom + LABEL / 2);
  context.textAlign = "center";
  for (let column = 0; column < scene.stretch.count; column++) {
    const slot = slotAt(scene, column);
    if (slot % every === 0) context.fillText(slot, at.gutter + (column + 0.5) * at.cell, at.bottom + LABEL / 2);
  }
}

// The present input or output as a column of cells beside the tape.
function drawVector(context, at, palette, x, title, size, cellOf) {
  const side = Math.min(18, at.gutter - 10, at.height / size), left = x + (at.gutter - side) / 2;
  const top = at.top + (at.height - side * size) / 2;
  context.textAlign = "center";
  context.fillStyle = css(palette.text);
  context.fillText(at.gutter < 50 ? title.slice(0, title.length - 3) : title, x + at.gutter / 2, top - 9);
  for (let row = 0; row < size; row++) {
    const { value, wrong, changed = false } = cellOf(row);
    context.fillStyle = css(blend(palette.empty, palette.ink, clamp(value)));
    context.fillRect(left, top + row * side, side - 1, side - 1);
    context.strokeStyle = css(wrong ? palette.wrong : palette.line);
    context.lineWidth = wrong ? 2.5 : 1;
    context.strokeRect(left + 0.5, top + row * side + 0.5, side - 2, side - 2);
    context.lineWidth = 1;
    if (!changed) continue;
    context.fillStyle = css(palette.write);
    context.fillRect(left + side / 3, top + row * side + side / 3, side / 3, side / 3);
  }
}
