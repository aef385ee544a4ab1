// Draws a run over time, a step to the right: what comes in, what is due, what comes out, and where the heads write and
// read. All but the playhead is painted once a run, size and colour scheme, and copied from then on.

const BIT = 8, AXIS = 16, LEAST_FOCUS = 56, MOST_FOCUS = 128;
let painted = { run: null };

// The strips from top to bottom: name, height, rows, the share of its full colour of each cell; the outputs among which wrong bits are
// marked; the kind of head whose weights it shows.
function strips(scene) {
  const { run, palette } = scene, { inputSize, outputSize } = run;
  const bits = (name, values, size, always) => ({
    name, rows: size, height: BIT * size, colour: palette.ink,
    shareAt: bitsToShow(run, values, size, always),
  });
  const answers = (name, outputs) => ({ ...bits(name, outputs, outputSize, false), outputs });
  const weights = (name, kind) => {
    const weightOn = weightsOfKind(run, kind);
    const focusHeight = Math.min(MOST_FOCUS, Math.max(LEAST_FOCUS, scene.stretch.count)); // or slots would be skipped
    const shareAt = (step, row) => weightOn(step, slotAt(scene, row));
    return { name, rows: scene.stretch.count, height: focusHeight, colour: palette[kind], shareAt, kind };
  };
  const all = [
    bits("input", run.inputs, inputSize, true),
    bits("target", run.targets, outputSize, false),
    answers("output", run.outputs),
    run.baselineOutputs && answers("LSTM", run.baselineOutputs),
    run.optimal && bits("best guess", run.optimal, outputSize, false),
    weights("writes", "write"),
    weights("reads", "read"),
  ];
  return all.filter((strip) => strip && strip.rows > 0);
}

// Where things are on the canvas, in CSS pixels.
function layoutHistory(scene) {
  const gutter = scene.historyWidth < 560 ? 48 : 76;
  let total = 0;
  const placed = strips(scene).map((strip) => {
    const top = total;
    total += strip.height + GAP;
    return { ...strip, top };
  });
  total += AXIS;
  return { gutter, placed, total, foot: total - AXIS - GAP, cell: (scene.historyWidth - gutter - 1) / scene.run.steps };
}

// The step at a place on the canvas, which may lie outside the run, and the strip and its row, if there is one.
function stepUnder(scene, x, y) {
  const { gutter, placed, cell } = layoutHistory(scene);
  const strip = placed.find(({ top, height }) => y >= top && y < top + height);
  const row = strip && Math.floor(((y - strip.top) / strip.height) * strip.rows);
  return { step: Math.floor((x - gutter) / cell), strip, row };
}

// Keeps its place on the page, with nothing new in it.
function holdHistory(canvas, scene) {
  canvas.style.height = layoutHistory(scene).total + "px";
}

function drawHistory(canvas, scene) {
  const { run, step, palette } = scene;
  const key = [scene.historyWidth, window.devicePixelRatio, scene.stretch.count, css(palette.ink)].join();
  if (painted.run !== run || painted.key !== key) painted = { run, key, ...paintHistory(scene) };
  const { layout, picture } = painted, context = prepare(canvas, layout.total);
  context.drawImage(picture, 0, 0, scene.historyWidth, layout.total);
  const x = layout.gutter + step * layout.cell;
  context.fillStyle = css(palette.ink, 0.08);
  context.fillRect(x, 0, layout.cell, layout.foot);
  context.strokeStyle = css(palette.ink);
  context.lineWidth = 1.5;
  context.strokeRect(x, 0.75, Math.max(2, layout.cell), layout.foot - 0.75);
  markLink(context, layout, scene);
  markPointedAt(context, layout, scene);
  context.lineWidth = 1;
}

// The step that the present one is linked to.
function markLink(context, layout, { run, step, link, palette }) {
  if (!link) return;
  context.strokeStyle = css(isScored(run, step) ? palette.write : palette.read);
  context.setLineDash([3, 2]);
  context.strokeRect(layout.gutter + link.step * layout.cell, 0.75, Math.max(2, layout.cell), layout.foot - 0.75);
  context.setLineDash([]);
}

// The output bit that was pointed at.
function markPointedAt(context, layout, { run, step, bit, palette }) {
  if (bit === null || !isScored(run, step)) return;
  const { top } = layout.placed.find(({ name }) => name === "output");
  context.strokeStyle = css(palette.read);
  context.lineWidth = 2.5;
  context.strokeRect(layout.gutter + step * layout.cell - 1, top + bit * BIT - 1, Math.max(4, layout.cell + 2), BIT + 2);
}

function paintHistory(scene) {
  const { run, palette } = scene, layout = layoutHistory(scene), width = scene.historyWidth - layout.gutter - 1;
  const picture = new OffscreenCanvas(0, 0), context = resize(picture, scene.historyWidth, layout.total);
  for (const strip of layout.placed) {
    const { rows, shareAt, colour, top, height } = strip;
    drawShares(context, run.steps, rows, shareAt, palette.empty, colour, layout.gutter, top, width, height);
    context.strokeStyle = css(palette.line);
    context.strokeRect(layout.gutter - 0.5, strip.top - 0.5, width + 1, strip.height + 1);
    context.fillStyle = css(palette.text);
    context.textAlign = "right";
    context.fillText(strip.name, layout.gutter - 6, strip.top + strip.height / 2);
    if (strip.kind) numberSlots(context, layout, strip, scene);
    if (!strip.kind && layout.cell >= BIT) drawGrid(context, layout, strip, scene);
    if (strip.outputs) markWrong(context, layout, strip, scene);
    if (strip.name === "output") markChanged(context, layout, strip, scene);
  }
  numberSteps(context, layout, scene);
  context.fillStyle = css(palette.write);
  for (const step of new Set((run.overrides ?? []).map((each) => each.step)))
    context.fillRect(layout.gutter + step * layout.cell - 1, 0, 2, layout.foot);
  return { layout, picture };
}

// The first and the last slot that a strip of weightings shows, beside its first and last row.
function numberSlots(context, layout, strip, scene) {
  context.fillText("slot " + slotAt(scene, 0), layout.gutter - 6, strip.top + 6);
  context.fillText(slotAt(scene, strip.rows - 1), layout.gutter - 6, strip.top + strip.height - 6);
}

function numberSteps(context, layout, { run, palette }) {
  const every = [1, 2, 5, 10, 20, 50, 100].find((n) => n * layout.cell >= 34) || 200, y = layout.foot + AXIS / 2;
  context.fillStyle = css(palette.text);
  context.textAlign = "right";
  context.fillText("step", layout.gutter - 6, y);
  context.textAlign = "center";
  for (let step = 1; step <= run.steps; step++)
    if (step === 1 || step % every === 0) context.fillText(step, layout.gutter + (step - 0.5) * layout.cell, y);
}

// Lines between cells, where cells are large enough: they make single bits countable.
function drawGrid(context, layout, strip, { run, palette }) {
  const width = layout.cell * run.steps;
  context.fillStyle = css(palette.line, 0.45);
  for (let step = 1; step < run.steps; step++) context.fillRect(layout.gutter + step * layout.cell - 0.5, strip.top, 1, strip.height);
  for (let row = 1; row < strip.rows; row++) context.fillRect(layout.gutter, strip.top + row * BIT - 0.5, width, 1);
}

function eachBit(run, visit) {
  for (let step = 0; step < run.steps; step++) for (let bit = 0; bit < run.outputSize; bit++) visit(step, bit);
}

function markChanged(context, layout, strip, { run, palette }) {
  const side = Math.max(2, Math.min(layout.cell, BIT) - 5);
  context.fillStyle = css(palette.write);
  eachBit(run, (step, bit) => {
    if (!isChanged(run, step, bit)) return;
    context.fillRect(layout.gutter + (step + 0.5) * layout.cell - side / 2, strip.top + (bit + 0.5) * BIT - side / 2, side, side);
  });
}

function markWrong(context, layout, strip, { run, palette }) {
  context.strokeStyle = css(palette.wrong);
  context.lineWidth = 2;
  eachBit(run, (step, bit) => {
    if (!isWrong(run, strip.outputs, step, bit)) return;
    context.strokeRect(layout.gutter + step * layout.cell + 1, strip.top + bit * BIT + 1, Math.max(2, layout.cell - 2), BIT - 2);
  });
  context.lineWidth = 1;
}
