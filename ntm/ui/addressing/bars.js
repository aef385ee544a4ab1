// Draws the stages: numbers over slots as bars, and the key beside memory. All share their slots' places, so that a slot
// is one line from the first picture to the last.

const GUTTER = 44, BAR_HEIGHT = 60, CELL = 9, AXIS = 16;

// Where slots are on a canvas, in CSS pixels.
function layoutSlots({ stretch, width }) {
  const right = width - 1;
  return { left: GUTTER, right, cell: (right - GUTTER) / stretch.count };
}

const slotIn = ({ run, stretch }, column) => (stretch.first + column) % run.slots;
const columnOf = ({ run, stretch }, slot) => (slot - stretch.first + run.slots) % run.slots;

// The slot at a place, or null.
function slotAtX(scene, x) {
  const at = layoutSlots(scene), column = Math.floor((x - at.left) / at.cell);
  return column >= 0 && column < scene.stretch.count ? slotIn(scene, column) : null;
}

// The most that an axis shows: 1, or where all is far less, the next round number above it.
function axisFor(arrays) {
  const most = arrays.reduce((found, values) => values.reduce((a, b) => Math.max(a, b), found), 0);
  return [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5].find((top) => most <= top) ?? 1;
}

// Bars of one stage. `layers` are stacked: [{ values, colour }]; `ghost` (N), if there is one, is drawn as a line over
// them. Where `signed`, the values go from -1 to 1.
function drawBars(canvas, scene, { layers, ghost = null, signed = false, numbered = false }) {
  const { palette, stretch, width, hover } = scene, at = layoutSlots(scene);
  const context = prepare(canvas, BAR_HEIGHT + 6 + (numbered ? AXIS : 0));
  const top = signed ? 1 : axisFor([sumOf(layers), ...(ghost ? [ghost] : [])]);
  const unit = (signed ? BAR_HEIGHT / 2 : BAR_HEIGHT) / top, zero = 3 + (signed ? BAR_HEIGHT / 2 : BAR_HEIGHT);
  drawAxis(context, scene, at, { top, zero, signed });
  const thickness = Math.max(1, at.cell - (at.cell > 4 ? 1 : 0));
  for (let column = 0; column < stretch.count; column++) {
    let y = zero;
    for (const { values, colour } of layers) {
      const value = values[slotIn(scene, column)], length = value * unit;
      if (Math.abs(length) < 0.3) continue;
      context.fillStyle = typeof colour === "function" ? colour(value) : colour;
      context.fillRect(at.left + column * at.cell, Math.min(y, y - length), thickness, Math.abs(length));
      y -= length;
    }
  }
  if (ghost) drawGhost(context, scene, at, ghost, zero, unit);
  if (hover !== null) markSlot(context, scene, at, hover, 3, BAR_HEIGHT);
  if (numbered) drawNumbers(context, scene, at, BAR_HEIGHT + 6 + AXIS / 2);
}

// What `drawBars` is to draw of each stage by its name, see `stagesOf`, in a head's colour.
function barsOf({ similarity, content, byContent, gated, shifted, weighting }, palette, colour) {
  const bySign = (value) => css(value < 0 ? palette.negative : palette.positive), own = css(colour);
  const stayed = gated.map((weight, slot) => weight - byContent[slot]);
  return {
    similarity: { layers: [{ values: similarity, colour: bySign }], signed: true },
    content: { layers: [{ values: content, colour: own }] },
    gated: { layers: [{ values: stayed, colour: css(colour, 0.35) }, { values: byContent, colour: own }] },
    shifted: { layers: [{ values: shifted, colour: own }] },
    weighting: { layers: [{ values: weighting, colour: own }], numbered: true },
  };
}

const sumOf = (layers) => layers[0].values.map((_, slot) => layers.reduce((sum, { values }) => sum + values[slot], 0));

function drawAxis(context, { palette }, at, { top, zero, signed }) {
  context.fillStyle = css(palette.line);
  context.fillRect(at.left, Math.round(zero) - 0.5, at.right - at.left, 1);
  context.fillStyle = css(palette.text);
  context.textAlign = "right";
  const labels = signed ? [[3, "1"], [zero, "0"], [3 + BAR_HEIGHT, "-1"]] : [[3, String(top)], [zero, "0"]];
  for (const [y, text] of labels) context.fillText(text, at.left - 6, Math.min(Math.max(y, 7), BAR_HEIGHT));
}

// What it was before somebody touched it: a line over the bars' ends.
function drawGhost(context, scene, at, values, zero, unit) {
  context.strokeStyle = css(scene.palette.ink, 0.75);
  context.setLineDash([3, 2]);
  context.beginPath();
  for (let column = 0; column < scene.stretch.count; column++) {
    const y = zero - values[slotIn(scene, column)] * unit, x = at.left + column * at.cell;
    context.lineTo(x, y);
    context.lineTo(x + at.cell, y);
  }
  context.stroke();
  context.setLineDash([]);
}

function markSlot(context, scene, at, slot, top, height) {
  const column = columnOf(scene, slot);
  if (column >= scene.stretch.count) return;
  context.fillStyle = css(scene.palette.ink, 0.12);
  context.fillRect(at.left + column * at.cell, top, Math.max(2, at.cell), height);
}

function drawNumbers(context, scene, at, y) {
  const every = [1, 2, 4, 8, 16, 32, 64, 128, 256].find((n) => n * at.cell >= 26) ?? 512;
  context.fillStyle = css(scene.palette.text);
  context.textAlign = "center";
  for (let column = 0; column < scene.stretch.count; column++) {
    const slot = slotIn(scene, column), x = at.left + (column + 0.5) * at.cell;
    if (slot % every === 0) context.fillText(slot, Math.min(x, at.right - 8), y);
  }
}

// Vectors as columns, [[letter, vector, the size that is drawn in full colour]], and memory (N, M) beside them. The row
// that is chosen has a frame, and so has the slot, unless it is null.
function drawMemory(canvas, scene, vectors, memory, { row, slot }) {
  const { run, palette, stretch, hover } = scene, at = layoutSlots(scene), height = CELL * run.width;
  const context = prepare(canvas, height + 2 + AXIS);
  const cells = (columns, valueAt, most, x, width) => {
    drawQuantities(context, columns, run.width, valueAt, most, palette, x, 1, width, height);
    context.strokeStyle = css(palette.line);
    context.strokeRect(x - 0.5, 0.5, width + 1, height + 1);
  };
  const content = (column, line) => memory[slotIn(scene, column) * run.width + line];
  cells(stretch.count, content, run.brightest, at.left, at.right - at.left);
  drawNumbers(context, scene, at, height + 2 + AXIS / 2);
  vectors.forEach(([letter, vector, most], index) => {
    const x = vectorLeft(vectors.length, index);
    cells(1, (_, line) => vector[line], most, x, VECTOR);
    context.fillStyle = css(palette.text);
    context.fillText(letter, x + VECTOR / 2, height + 2 + AXIS / 2);
  });
  context.strokeStyle = css(palette.ink);
  context.lineWidth = 2;
  const left = vectorLeft(vectors.length, 0);
  if (row !== null) context.strokeRect(left - 1, 1 + row * CELL, vectorLeft(vectors.length, vectors.length - 1) + VECTOR - left + 2, CELL);
  if (slot !== null) context.strokeRect(at.left + columnOf(scene, slot) * at.cell - 1, row * CELL, Math.max(3, at.cell) + 2, CELL + 2);
  context.lineWidth = 1;
  if (hover !== null) markSlot(context, scene, at, hover, 1, height);
}

// Where the columns of vectors are, left of memory.
const VECTOR = 14;
const vectorLeft = (count, index) => GUTTER - 6 - (count - index) * (VECTOR + 3);

// The vector at a place on a picture of memory, or null beside them.
function vectorAtX(count, x) {
  const index = Array.from({ length: count }, (_, at) => at).find((at) => x >= vectorLeft(count, at) - 2 && x < vectorLeft(count, at) + VECTOR + 2);
  return index ?? null;
}

const rowAtY = ({ run }, y) => Math.min(run.width - 1, Math.max(0, Math.floor((y - 1) / CELL)));
