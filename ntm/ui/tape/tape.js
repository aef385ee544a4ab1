// The tape: draws a run and lets it be played. Gradio calls this as a function body with `element`, `props` and `watch`.
// The data flows one way: bytes -> run (decode) -> view (what to show, and when) -> canvases (draw).

const part = (name) => element.querySelector('[data-part="' + name + '"]');
const [root, memoryCanvas, historyCanvas, tip] = ["root", "memory", "history", "tip"].map(part);
const [scrubber, playButton, zoomButton, speedSelect] = ["scrubber", "play", "zoom", "speed"].map(part);
const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");

const PLAY = "M4 2l10 6-10 6z", PAUSE = "M4 2h3v12H4zM9 2h3v12H9z";
const FOCUSED = 0.02;      // a weight above this counts as a head having been there
const FEWEST_SLOTS = 16;   // the close view never shows fewer
const LANE = 40, ROW = 10, LABEL = 15, GAP = 8;
const BIT = 8, FOCUS_HEIGHT = 56;
const FAINT = 1e-2;        // a cell that never holds more than this is as good as empty
const SPREAD = 0.3;        // a head whose largest weight is below this is on no slot in particular

// ---- the run -----------------------------------------------------------------------------------------------------

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

const inflate = (bytes) =>
  new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();

// A run: header fields, and for each array its numbers (time first) and shape.
async function decode(value) {
  const bytes = new Uint8Array(await inflate(bytesOf(value)));
  const headerLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + headerLength)));
  const run = { ...header, fields: undefined };
  let offset = bytes.byteOffset + 4 + headerLength;
  for (const [name, { shape, low, high }] of Object.entries(header.fields)) {
    const size = shape.reduce((product, length) => product * length, 1);
    const levels = new Uint16Array(bytes.buffer, offset, size);
    run[name] = Float32Array.from(levels, (level) => low + (level * (high - low)) / 65535);
    run[name].shape = shape;
    offset += 2 * size;
  }
  [run.steps, run.writeHeads, run.slots] = run.writeWeights.shape;
  run.readHeads = run.readWeights.shape[1];
  run.heads = headsOf(run);
  run.width = run.initialMemory.shape[1];
  run.inputSize = run.inputs.shape[1];
  run.outputSize = run.outputs.shape[1];
  run.memory = replay(run);
  run.brightest = brightest(run);
  run.closeWindow = usedSlots(run);
  return run;
}

// The heads in the order in which they are shown, each with its weightings and its place among the gates, where the read
// heads come first.
function headsOf({ writeHeads, readHeads, writeWeights, readWeights }) {
  const of = (kind, count, weights, first) =>
    Array.from({ length: count }, (_, index) => ({
      kind, index, count, weights, gates: first + index, name: kind + " head" + (count > 1 ? " " + (index + 1) : ""),
    }));
  return [...of("write", writeHeads, writeWeights, readHeads), ...of("read", readHeads, readWeights, 0)];
}

// Memory after every step, (T, N, M): the paper's equation 3 (erase) and then 4 (add), for all write heads at once.
function replay(run) {
  const { steps, slots, width, writeHeads, writeWeights, erases, adds } = run;
  const memory = new Float32Array(steps * slots * width);
  let before = run.initialMemory;
  for (let step = 0; step < steps; step++) {
    if (step === run.changedAt) before = run.changedMemory;
    const after = memory.subarray(step * slots * width, (step + 1) * slots * width);
    for (let slot = 0; slot < slots; slot++) {
      for (let column = 0; column < width; column++) {
        let kept = before[slot * width + column], added = 0;
        for (let head = 0; head < writeHeads; head++) {
          const weight = writeWeights[(step * writeHeads + head) * slots + slot];
          const vector = (step * writeHeads + head) * width + column;
          kept *= 1 - weight * erases[vector];
          added += weight * adds[vector];
        }
        after[slot * width + column] = kept + added;
      }
    }
    before = after;
  }
  return memory;
}

// The size of a value that is drawn in full colour: few cells ever hold more. Were it the largest of all, one that counts
// would leave the bits beside it too pale to see.
function brightest(run) {
  const peaks = new Float32Array(run.slots * run.width);
  run.memory.forEach((value, index) => {
    const cell = index % peaks.length;
    peaks[cell] = Math.max(peaks[cell], Math.abs(value));
  });
  const held = peaks.filter((peak) => peak > FAINT).sort();
  return held.length ? held[Math.floor(0.9 * (held.length - 1))] : FAINT;
}

// The shortest stretch of the circular memory that holds every slot a head was on: {first, count}.
function usedSlots(run) {
  if (!run.slots) return { first: 0, count: 0 };
  const used = new Uint8Array(run.slots);
  for (const weights of [run.writeWeights, run.readWeights])
    for (let index = 0; index < weights.length; index++) if (weights[index] > FOCUSED) used[index % run.slots] = 1;
  let gapStart = 0, gapLength = 0, length = 0;
  for (let index = 0; index < 2 * run.slots; index++) {
    length = used[index % run.slots] ? 0 : length + 1;
    if (length > gapLength && length <= run.slots) [gapLength, gapStart] = [length, index - length + 1];
  }
  const count = Math.min(run.slots, Math.max(FEWEST_SLOTS, run.slots - gapLength + 2));
  if (count > 0.75 * run.slots) return { first: 0, count: run.slots };
  return { first: (gapStart + gapLength - 1 + run.slots) % run.slots, count };
}

// ---- the view ----------------------------------------------------------------------------------------------------

let run = null;
const view = { position: 0, playing: false, allSlots: false, history: null, hover: null, bit: null };
let lastTime = 0, frame = 0, newest = null;

const currentStep = () => Math.round(view.position);
const slotWindow = () => (view.allSlots ? { first: 0, count: run.slots } : run.closeWindow);
const slotAt = (index) => (slotWindow().first + index) % run.slots;

async function show(value) {
  if (!value) return;
  newest = value;
  const fresh = await decode(value);
  if (value !== newest) return; // another run came in while this one was unpacked
  const before = run;
  run = fresh;
  scrubber.max = run.steps - 1;
  zoomButton.hidden = run.closeWindow.count === run.slots;
  zoomButton.textContent = "All " + run.slots + " slots";
  view.history = null;
  memoryCanvas.hidden = !run.slots;
  const again = before && before.question === run.question;
  if (!again) view.bit = null;
  seek(run.changedAt ?? (again ? view.position : 0));
  draw();
  root.dataset.run = run.run;
  if (run.changedAt === null && !again) setPlaying(!reducedMotion.matches);
}

function seek(position) {
  moveTo(position);
  announce();
}

function moveTo(position) {
  view.position = Math.min(Math.max(position, 0), run.steps - 1);
  scrubber.value = currentStep();
  schedule();
}

// Two tapes on a page, a run and what became of it, move as one.
function announce() {
  document.dispatchEvent(new CustomEvent("tape", { detail: { from: root, position: view.position } }));
}

document.addEventListener("tape", ({ detail }) => {
  if (detail.from === root || !run || !element.isConnected) return;
  if (view.playing) setPlaying(false);
  moveTo(detail.position);
});

function step(by) {
  setPlaying(false);
  seek(currentStep() + by);
}

function setPlaying(playing) {
  if (playing && view.position >= run.steps - 1) view.position = 0;
  view.playing = playing;
  lastTime = performance.now();
  part("playIcon").setAttribute("d", playing ? PAUSE : PLAY);
  playButton.setAttribute("aria-label", playing ? "Pause" : "Play");
  schedule();
}

function schedule() {
  if (!frame) frame = requestAnimationFrame(tick);
}

function tick(time) {
  frame = 0;
  if (!element.isConnected || !run) return;
  if (view.playing) {
    const position = view.position + (Math.max(0, time - lastTime) / 1000) * Number(speedSelect.value);
    lastTime = time;
    moveTo(position);
    announce();
    if (view.position === run.steps - 1) setPlaying(false);
    schedule();
  }
  draw();
}

// ---- numbers between two steps -----------------------------------------------------------------------------------

// Calls `visit(index, value)` for each of `size` numbers of an array at the view's position, which may lie between two
// steps: motion stays smooth at any speed. Where motion is unwelcome it jumps from step to step.
function eachNow(array, size, visit) {
  const position = reducedMotion.matches ? currentStep() : view.position;
  const before = Math.floor(position), mix = position - before;
  const after = Math.min(before + 1, run.steps - 1);
  for (let index = 0; index < size; index++) {
    const from = array[before * size + index];
    visit(index, from + (array[after * size + index] - from) * mix);
  }
}

const weightAt = (weights, heads, step, head, slot) => weights[(step * heads + head) * run.slots + slot];

function focusOf(weights, heads, step, head) {
  let best = 0;
  for (let slot = 1; slot < run.slots; slot++)
    if (weightAt(weights, heads, step, head, slot) > weightAt(weights, heads, step, head, best)) best = slot;
  return { slot: best, weight: weightAt(weights, heads, step, head, best) };
}

// The step whose writing makes up most of what a slot holds before a given step: each writing counts with what later
// erasing has left of it.
function writtenAt(slot, step) {
  const { width, writeHeads, writeWeights, erases, adds } = run;
  const kept = new Float64Array(width).fill(1);
  const best = { step: null, size: 1e-3 };
  for (let at = step - 1; at >= (run.changedAt ?? 0); at--) {
    let size = 0;
    for (let column = 0; column < width; column++) {
      let added = 0, left = 1;
      for (let head = 0; head < writeHeads; head++) {
        const weight = weightAt(writeWeights, writeHeads, at, head, slot);
        const vector = (at * writeHeads + head) * width + column;
        added += weight * adds[vector];
        left *= 1 - weight * erases[vector];
      }
      size += (kept[column] * added) ** 2;
      kept[column] *= left;
    }
    if (size > best.size) Object.assign(best, { step: at, size });
  }
  return best.step;
}

// Where the heads of a kind are in a step, as far as they are on one slot, the surest first.
function focusesOf(kind, step) {
  return run.heads.filter((head) => head.kind === kind)
    .map((head) => ({ head: head.name, ...focusOf(head.weights, head.count, step, head.index) }))
    .filter(({ weight }) => weight >= SPREAD)
    .sort((a, b) => b.weight - a.weight);
}

// The slot that the output of a step was read from, and the step that wrote it. Of several heads one that is where
// something was written while the input came in, and of these one that has moved: others may be on what the machine
// notes for itself.
function sourceOf(step) {
  const read = step - run.readDelay, before = focusesOf("read", read - 1);
  const stays = ({ head, slot }) => before.some((other) => other.head === head && other.slot === slot);
  return focusesOf("read", read)
    .map((focus) => ({ ...focus, step: writtenAt(focus.slot, read) }))
    .filter((source) => source.step !== null)
    .sort((a, b) => isScored(a.step) - isScored(b.step) || stays(a) - stays(b) || b.weight - a.weight)[0] ?? null;
}

// What a step has to do with another: where that came from which is read now, or when that is read which is written now.
// {slot, step, ...} or null.
function linkOf(step) {
  if (!run.slots) return null;
  if (isScored(step)) return sourceOf(step);
  const [written] = focusesOf("write", step);
  if (!written) return null;
  for (let later = step + 1; later < run.steps; later++) {
    const isThere = ({ slot }) => slot === written.slot;
    if (!isScored(later) || !focusesOf("read", later - run.readDelay).some(isThere)) continue;
    const source = sourceOf(later);
    if (source?.step === step && isThere(source)) return { ...written, step: later };
  }
  return null;
}

const isScored = (step) => run.mask[step] > 0.5;
const isChanged = (step, bit) => {
  const index = step * run.outputSize + bit;
  return run.originalOutputs && isScored(step) && run.outputs[index] > 0.5 !== run.originalOutputs[index] > 0.5;
};
const isWrong = (outputs, step, bit) => {
  const index = step * run.outputSize + bit;
  return run.certain && isScored(step) && outputs[index] > 0.5 !== run.targets[index] > 0.5;
};

// ---- drawing -----------------------------------------------------------------------------------------------------

function colours() {
  const style = getComputedStyle(root);
  const rgb = (name) => {
    const hex = style.getPropertyValue(name).trim();
    return [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
  };
  const names = ["write", "read", "wrong", "positive", "negative", "ink", "empty", "line", "text"];
  return Object.fromEntries(names.map((name) => [name, rgb("--" + name)]));
}

const css = (rgb, alpha = 1) => "rgba(" + rgb.join(",") + "," + alpha + ")";
const blend = (from, to, share) => from.map((value, index) => Math.round(value + (to[index] - value) * share));

// Sizes a canvas to its place on the page, in real pixels, and returns a context that draws in CSS pixels.
function prepare(canvas, height) {
  const ratio = window.devicePixelRatio || 1, width = canvas.parentElement.clientWidth;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    [canvas.width, canvas.height] = [w, h];
    canvas.style.height = height + "px";
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  return { context, width };
}

// A picture of one pixel a number, drawn large without smoothing.
function drawCells(context, columns, rows, colourOf, x, y, width, height) {
  const picture = new OffscreenCanvas(columns, rows);
  const pixels = new ImageData(columns, rows);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const [red, green, blue] = colourOf(column, row);
      pixels.data.set([red, green, blue, 255], 4 * (row * columns + column));
    }
  picture.getContext("2d").putImageData(pixels, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(picture, x, y, width, height);
}

// Where things are on the memory canvas, in CSS pixels.
function memoryLayout(width) {
  const gutter = width < 560 ? 34 : 76;
  const lane = (heads) => (heads > 1 ? Math.max(18, (1.6 * LANE) / heads) : LANE);
  const writeLane = lane(run.writeHeads), readLane = lane(run.readHeads);
  const top = LABEL + writeLane * run.writeHeads + GAP;
  const height = ROW * run.width;
  const bottom = top + height;
  const tape = width - 2 * gutter;
  const cell = tape / slotWindow().count;
  const total = bottom + GAP + readLane * run.readHeads + 2 * LABEL;
  return { gutter, writeLane, readLane, top, height, bottom, tape, cell, total };
}

function draw() {
  if (!run || !root.clientWidth) return;
  root.classList.toggle("dark", document.body.classList.contains("dark"));
  const palette = colours();
  if (run.slots) drawMemory(palette);
  drawHistory(palette);
  describe();
  drawTip();
  root.dataset.step = currentStep();
}

function drawMemory(palette) {
  const at = memoryLayout(root.clientWidth);
  const { context, width } = prepare(memoryCanvas, at.total);
  const { count } = slotWindow();
  const values = new Float32Array(run.slots * run.width);
  eachNow(run.memory, values.length, (index, value) => { values[index] = value; });
  const colourOf = (index, row) => {
    const value = values[slotAt(index) * run.width + row] / run.brightest;
    return blend(palette.empty, value < 0 ? palette.negative : palette.positive, Math.min(1, Math.abs(value)));
  };
  drawCells(context, count, run.width, colourOf, at.gutter, at.top, at.tape, at.height);
  context.strokeStyle = css(palette.line);
  context.strokeRect(at.gutter - 0.5, at.top - 0.5, at.tape + 1, at.height + 1);
  drawLanes(context, at, palette, run.writeWeights, run.writeHeads, palette.write, "write");
  drawLanes(context, at, palette, run.readWeights, run.readHeads, palette.read, "read");
  drawSlotNumbers(context, at, palette);
  drawVector(context, at, palette, 0, at.gutter, "input", run.inputSize, inputCell);
  drawVector(context, at, palette, width - at.gutter, at.gutter, "output", run.outputSize, outputCell);
}

// The weightings of the read or the write heads as bars that stand on the tape or hang from it, one lane a head.
function drawLanes(context, at, palette, weights, heads, colour, kind) {
  const writes = kind === "write", lane = writes ? at.writeLane : at.readLane;
  const first = writes ? at.top - GAP : at.bottom + GAP;
  const baseline = (head) => (writes ? first - lane * head : first + lane * head);
  const thickness = Math.max(1, at.cell - (at.cell > 4 ? 1 : 0));
  context.fillStyle = css(palette.line);
  for (let head = 0; head < heads; head++) context.fillRect(at.gutter, baseline(head) - 0.5, at.tape, 1);
  const { first: firstSlot, count } = slotWindow();
  context.fillStyle = css(colour);
  eachNow(weights, heads * run.slots, (index, weight) => {
    const column = ((index % run.slots) - firstSlot + run.slots) % run.slots;
    if (weight < 0.004 || column >= count) return;
    const length = weight * (lane - 6), y = baseline(Math.floor(index / run.slots));
    context.fillRect(at.gutter + column * at.cell, writes ? y - length : y, thickness, length);
    // A frame around the slot itself, so that the eye sees which one is touched.
    context.strokeStyle = css(colour, weight);
    context.lineWidth = 2;
    context.strokeRect(at.gutter + column * at.cell, at.top, Math.max(2, at.cell - 1), at.height);
    context.lineWidth = 1;
  });
  context.textAlign = "left";
  context.fillStyle = css(colour);
  const labelY = writes ? LABEL / 2 : at.bottom + GAP + lane * heads + LABEL / 2;
  context.fillText(kind + (heads > 1 ? " heads" : " head"), at.gutter, labelY);
}

function drawSlotNumbers(context, at, palette) {
  const { count } = slotWindow(), every = [1, 2, 4, 8, 16, 32, 64, 128].find((n) => n * at.cell >= 26) || 256;
  context.fillStyle = css(palette.text);
  context.textAlign = "center";
  for (let index = 0; index < count; index++)
    if (slotAt(index) % every === 0) context.fillText(slotAt(index), at.gutter + (index + 0.5) * at.cell, at.total - LABEL / 2);
}

const inputCell = (step, row) => ({ value: run.inputs[step * run.inputSize + row], faint: false, wrong: false });
const outputCell = (step, row) => ({
  value: run.outputs[step * run.outputSize + row], faint: !isScored(step), wrong: isWrong(run.outputs, step, row),
});

// The present input or output as a column of cells beside the tape.
function drawVector(context, at, palette, x, width, title, size, cellOf) {
  const side = Math.min(18, width - 10, at.height / size), left = x + (width - side) / 2;
  const top = at.top + (at.height - side * size) / 2;
  context.textAlign = "center";
  context.fillStyle = css(palette.text);
  context.fillText(width < 50 ? title.slice(0, title.length - 3) : title, x + width / 2, top - 9);
  for (let row = 0; row < size; row++) {
    const { value, faint, wrong } = cellOf(currentStep(), row);
    const shade = faint ? 0.15 * value : value;
    context.fillStyle = css(blend(palette.empty, palette.ink, Math.min(1, Math.max(0, shade))));
    context.fillRect(left, top + row * side, side - 1, side - 1);
    context.strokeStyle = css(wrong ? palette.wrong : palette.line);
    context.lineWidth = wrong ? 2.5 : 1;
    context.strokeRect(left + 0.5, top + row * side + 0.5, side - 2, side - 2);
    context.lineWidth = 1;
  }
}

// The strips of the history: name, height, rows, the colour of each cell, and the outputs among which wrong bits are marked.
function strips(palette) {
  const bits = (values, size, faint) => (step, row) =>
    blend(palette.empty, palette.ink, Math.min(1, Math.max(0, values[step * size + row])) * (faint && !isScored(step) ? 0 : 1));
  const focus = (weights, heads, colour) => (step, row) => {
    let weight = 0;
    for (let head = 0; head < heads; head++) weight = Math.max(weight, weightAt(weights, heads, step, head, slotAt(row)));
    return blend(palette.empty, colour, weight);
  };
  const { inputs, targets, outputs, baselineOutputs, inputSize, outputSize } = run, { count } = slotWindow();
  const all = [
    { name: "input", rows: inputSize, height: BIT * inputSize, colourOf: bits(inputs, inputSize, false) },
    { name: "target", rows: outputSize, height: BIT * outputSize, colourOf: bits(targets, outputSize, true) },
    { name: "output", rows: outputSize, height: BIT * outputSize, colourOf: bits(outputs, outputSize, true), outputs },
    { name: "LSTM", rows: baselineOutputs ? outputSize : 0, height: BIT * outputSize, colourOf: baselineOutputs && bits(baselineOutputs, outputSize, true), outputs: baselineOutputs },
    { name: "best guess", rows: run.optimal ? outputSize : 0, height: BIT * outputSize, colourOf: run.optimal && bits(run.optimal, outputSize, true) },
    { name: "writes", rows: count, height: FOCUS_HEIGHT, colourOf: focus(run.writeWeights, run.writeHeads, palette.write), slots: true },
    { name: "reads", rows: count, height: FOCUS_HEIGHT, colourOf: focus(run.readWeights, run.readHeads, palette.read), slots: true },
  ];
  return all.filter((strip) => strip.rows > 0);
}

function historyLayout(palette) {
  const gutter = root.clientWidth < 560 ? 48 : 76;
  let y = 0;
  const placed = strips(palette).map((strip) => {
    const top = y;
    y += strip.height + GAP;
    return { ...strip, top };
  });
  return { gutter, placed, total: y, cell: (root.clientWidth - gutter - 1) / run.steps };
}

// All of the history but the playhead is drawn once a run, size and colour scheme, and copied from then on.
function drawHistory(palette) {
  const key = [root.clientWidth, window.devicePixelRatio, view.allSlots, css(palette.ink)].join();
  if (!view.history || view.history.key !== key) view.history = { key, ...paintHistory(palette) };
  const { layout, picture } = view.history;
  const { context } = prepare(historyCanvas, layout.total);
  context.drawImage(picture, 0, 0, root.clientWidth, layout.total);
  const x = layout.gutter + currentStep() * layout.cell;
  context.fillStyle = css(palette.ink, 0.08);
  context.fillRect(x, 0, layout.cell, layout.total - GAP);
  context.strokeStyle = css(palette.ink);
  context.lineWidth = 1.5;
  context.strokeRect(x, 0.75, Math.max(2, layout.cell), layout.total - GAP - 0.75);
  drawLink(context, layout, palette);
}

// The step that the present one is linked to, and the output bit that was pointed at.
function drawLink(context, layout, palette) {
  const link = linkOf(currentStep());
  if (link) {
    context.strokeStyle = css(isScored(currentStep()) ? palette.write : palette.read);
    context.setLineDash([3, 2]);
    context.strokeRect(layout.gutter + link.step * layout.cell, 0.75, Math.max(2, layout.cell), layout.total - GAP - 0.75);
    context.setLineDash([]);
  }
  if (view.bit !== null && isScored(currentStep())) {
    const { top } = layout.placed.find(({ name }) => name === "output");
    context.strokeStyle = css(palette.read);
    context.lineWidth = 2.5;
    context.strokeRect(layout.gutter + currentStep() * layout.cell - 1, top + view.bit * BIT - 1, Math.max(4, layout.cell + 2), BIT + 2);
  }
  context.lineWidth = 1;
}

function paintHistory(palette) {
  const layout = historyLayout(palette), width = root.clientWidth - layout.gutter - 1;
  const { context } = prepare(historyCanvas, layout.total);
  for (const strip of layout.placed) {
    drawCells(context, run.steps, strip.rows, strip.colourOf, layout.gutter, strip.top, width, strip.height);
    context.strokeStyle = css(palette.line);
    context.strokeRect(layout.gutter - 0.5, strip.top - 0.5, width + 1, strip.height + 1);
    context.fillStyle = css(palette.text);
    context.textAlign = "right";
    context.fillText(strip.name, layout.gutter - 6, strip.top + strip.height / 2);
    if (!strip.slots && layout.cell >= BIT) drawGrid(context, layout, strip, palette);
    if (strip.outputs) markWrong(context, layout, strip, palette);
    if (strip.outputs === run.outputs) markChanged(context, layout, strip, palette);
  }
  if (run.changedAt !== null) {
    context.fillStyle = css(palette.write);
    context.fillRect(layout.gutter + run.changedAt * layout.cell - 1, 0, 2, layout.total - GAP);
  }
  const picture = new OffscreenCanvas(historyCanvas.width, historyCanvas.height);
  picture.getContext("2d").drawImage(historyCanvas, 0, 0);
  return { layout, picture };
}

// Lines between cells, where cells are large enough: they make single bits countable.
function drawGrid(context, layout, strip, palette) {
  const width = layout.cell * run.steps;
  context.fillStyle = css(palette.line, 0.45);
  for (let step = 1; step < run.steps; step++) context.fillRect(layout.gutter + step * layout.cell - 0.5, strip.top, 1, strip.height);
  for (let row = 1; row < strip.rows; row++) context.fillRect(layout.gutter, strip.top + row * BIT - 0.5, width, 1);
}

function markChanged(context, layout, strip, palette) {
  const side = Math.max(2, Math.min(layout.cell, BIT) - 5);
  context.fillStyle = css(palette.write);
  for (let step = 0; step < run.steps; step++)
    for (let bit = 0; bit < run.outputSize; bit++)
      if (isChanged(step, bit))
        context.fillRect(layout.gutter + (step + 0.5) * layout.cell - side / 2, strip.top + (bit + 0.5) * BIT - side / 2, side, side);
}

function markWrong(context, layout, strip, palette) {
  context.strokeStyle = css(palette.wrong);
  context.lineWidth = 2;
  for (let step = 0; step < run.steps; step++)
    for (let bit = 0; bit < run.outputSize; bit++)
      if (isWrong(strip.outputs, step, bit)) {
        const x = layout.gutter + step * layout.cell, y = strip.top + bit * BIT;
        context.strokeRect(x + 1, y + 1, Math.max(2, layout.cell - 2), BIT - 2);
      }
  context.lineWidth = 1;
}

// ---- words -------------------------------------------------------------------------------------------------------

function describe() {
  const step = currentStep();
  const text = "Step " + (step + 1) + " of " + run.steps + ": " + run.captions[step] + (run.captions[step].endsWith("?") ? "" : ".");
  setText(part("status"), text);
  scrubber.setAttribute("aria-valuetext", text);
  const lines = run.heads.map((head) => ({ kind: head.kind, text: head.name + " " + movement(head, step) }));
  if (run.register) lines.push({ kind: "register", text: registered(step) });
  if (!lines.length) lines.push({ kind: "none", text: "this machine has no memory to look into" });
  const list = part("heads");
  while (list.children.length < lines.length) list.append(document.createElement("li"));
  while (list.children.length > lines.length) list.lastChild.remove();
  lines.forEach((line, index) => {
    list.children[index].className = line.kind;
    setText(list.children[index], line.text);
  });
  describeLink(step);
  part("changed").hidden = !run.originalOutputs;
  if (part("numbers").open) showNumbers(step);
}

function describeLink(step) {
  const link = linkOf(step);
  part("link").hidden = !link;
  if (!link) return;
  const what = view.bit === null ? "What comes out here" : "Bit " + (view.bit + 1) + " of what comes out here";
  setText(part("linkText"), isScored(step)
    ? what + (run.readDelay ? " was read one step before from slot " : " is read from slot ") + link.slot + ", which was written in step " + (link.step + 1) + "."
    : "What is written to slot " + link.slot + " comes out in step " + (link.step + 1) + ".");
  setText(part("follow"), "Go to step " + (link.step + 1));
}

function setText(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

// What is left in the register, which is the first column of memory, in the slot that holds most.
function registered(step) {
  const held = Array.from({ length: run.slots }, (_, slot) => run.memory[(step * run.slots + slot) * run.width]);
  const slot = held.reduce((most, value, other) => (Math.abs(value) > Math.abs(held[most]) ? other : most), 0);
  return "the register holds " + held[slot].toFixed(1).replace("-0.0", "0.0") + " in slot " + slot;
}

// What a head did in a step, in words, from where it was, where it is, and how far its gate was open.
function movement(head, step) {
  const now = focusOf(head.weights, head.count, step, head.index);
  if (now.weight < SPREAD) return "looks at many slots at once, most at slot " + now.slot + " (" + percent(now.weight) + ")";
  const where = " (" + percent(now.weight) + ")";
  const before = step ? focusOf(head.weights, head.count, step - 1, head.index) : { slot: 0, weight: 1 };
  const half = run.slots / 2;
  const moved = ((now.slot - before.slot + run.slots + half) % run.slots) - half;
  const byContent = run.gate[step * run.heads.length + head.gates] > 0.5;
  if (before.weight < SPREAD) return (byContent ? "finds slot " + now.slot + " by content" : "settles on slot " + now.slot) + where;
  if (moved === 0) return "stays on slot " + now.slot + (byContent ? ", found by content" : "") + where;
  if (byContent) return "jumps to slot " + now.slot + " by content" + where;
  const far = Math.abs(moved) === 1 ? "one slot" : Math.abs(moved) + " slots";
  return "moves " + far + (moved > 0 ? " on" : " back") + ", to slot " + now.slot + where;
}

const percent = (share) => Math.round(100 * share) + " %";

// The numbers behind the words: what each head emitted in this step, with the equation that it goes into.
function showNumbers(step) {
  const shifts = run.shift.shape[2], range = (shifts - 1) / 2, all = run.heads.length;
  const rows = run.heads.map((head) => {
    const at = step * all + head.gates;
    const shift = Array.from({ length: shifts }, (_, index) => {
      const by = index - range;
      return (by > 0 ? "+" : "") + by + ": " + run.shift[at * shifts + index].toFixed(2);
    });
    return [head.name, run.strength[at].toFixed(2), run.gate[at].toFixed(3), shift.join("  "), run.sharpening[at].toFixed(2)];
  });
  const body = part("numbersBody");
  body.replaceChildren(
    ...rows.map((cells) => {
      const row = document.createElement("tr");
      cells.forEach((text, index) => {
        const cell = document.createElement(index ? "td" : "th");
        cell.textContent = text;
        row.append(cell);
      });
      return row;
    }),
  );
}

function tipText() {
  const { canvas, x, y } = view.hover, step = currentStep();
  if (canvas === memoryCanvas) {
    const at = memoryLayout(root.clientWidth), column = Math.floor((x - at.gutter) / at.cell);
    if (column < 0 || column >= slotWindow().count) return "";
    const slot = slotAt(column), row = Math.floor((y - at.top) / ROW), lines = ["slot " + slot];
    if (row >= 0 && row < run.width)
      lines[0] += ", column " + row + ": " + run.memory[(step * run.slots + slot) * run.width + row].toFixed(3);
    for (const { name, weights, count, index } of run.heads)
      lines.push(name + " " + weightAt(weights, count, step, index, slot).toFixed(3));
    return lines.join(String.fromCharCode(10));
  }
  const { layout } = view.history, hovered = Math.floor((x - layout.gutter) / layout.cell);
  const strip = layout.placed.find(({ top, height }) => y >= top && y < top + height);
  if (!strip || hovered < 0 || hovered >= run.steps) return "";
  const row = Math.floor(((y - strip.top) / strip.height) * strip.rows), where = "step " + (hovered + 1) + ", ";
  if (strip.slots) {
    const [weights, heads] = strip.name === "writes" ? [run.writeWeights, run.writeHeads] : [run.readWeights, run.readHeads];
    const each = Array.from({ length: heads }, (_, head) => weightAt(weights, heads, hovered, head, slotAt(row)).toFixed(3));
    return where + "slot " + slotAt(row) + ": " + each.join(", ");
  }
  if (strip.name === "input") return where + "input " + (row + 1) + ": " + run.inputs[hovered * run.inputSize + row].toFixed(2);
  if (strip.name === "best guess") return where + "the best guess is " + run.optimal[hovered].toFixed(3);
  if (!isScored(hovered)) return where + "nothing is due";
  const index = hovered * run.outputSize + row, whose = strip.name === "LSTM" ? "the LSTM's probability" : "probability";
  const probability = (strip.outputs ?? run.outputs)[index].toFixed(3);
  return where + "bit " + (row + 1) + ": " + run.targets[index].toFixed(0) + " is due, " + whose + " of 1 is " + probability;
}

function drawTip() {
  const text = view.hover ? tipText() : "";
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  const { canvas, x, y } = view.hover;
  const left = Math.min(x + 14, root.clientWidth - tip.offsetWidth - 4);
  tip.style.left = Math.max(0, left) + "px";
  tip.style.top = canvas.offsetTop + y + 16 + "px";
}

// ---- mouse, touch, keyboard --------------------------------------------------------------------------------------

function seekToPointer(event) {
  const { layout } = view.history;
  const output = layout.placed.find(({ name }) => name === "output"), row = Math.floor((event.offsetY - output.top) / BIT);
  view.bit = row >= 0 && row < run.outputSize ? row : null;
  setPlaying(false);
  seek(Math.floor((event.offsetX - layout.gutter) / layout.cell));
}

for (const canvas of [memoryCanvas, historyCanvas]) {
  canvas.addEventListener("pointermove", (event) => {
    view.hover = { canvas, x: event.offsetX, y: event.offsetY };
    if (canvas === historyCanvas && event.buttons) seekToPointer(event);
    schedule();
  });
  canvas.addEventListener("pointerleave", () => {
    view.hover = null;
    schedule();
  });
}
historyCanvas.addEventListener("pointerdown", (event) => {
  historyCanvas.setPointerCapture(event.pointerId);
  seekToPointer(event);
});

memoryCanvas.addEventListener("click", (event) => {
  const at = memoryLayout(root.clientWidth), column = Math.floor((event.offsetX - at.gutter) / at.cell);
  const inside = event.offsetY >= at.top && event.offsetY < at.bottom && column >= 0 && column < slotWindow().count;
  if (inside) trigger("pick", { slot: slotAt(column) });
});

part("first").addEventListener("click", () => step(-run.steps));
part("back").addEventListener("click", () => step(-1));
part("forward").addEventListener("click", () => step(1));
part("last").addEventListener("click", () => step(run.steps));
playButton.addEventListener("click", () => setPlaying(!view.playing));
scrubber.addEventListener("input", () => {
  setPlaying(false);
  seek(Number(scrubber.value));
});
zoomButton.addEventListener("click", () => {
  view.allSlots = !view.allSlots;
  zoomButton.setAttribute("aria-pressed", view.allSlots);
  schedule();
});

part("follow").addEventListener("click", () => {
  setPlaying(false);
  seek(linkOf(currentStep()).step);
});

part("numbers").addEventListener("toggle", schedule);

const KEYS = {
  " ": () => setPlaying(!view.playing),
  ArrowLeft: () => step(-1),
  ArrowRight: () => step(1),
  Home: () => step(-run.steps),
  End: () => step(run.steps),
};
root.addEventListener("keydown", (event) => {
  const typing = event.target !== root && (event.target !== scrubber || event.key !== " ");
  if (typing || !KEYS[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  KEYS[event.key]();
});

new ResizeObserver(schedule).observe(root);
new MutationObserver(schedule).observe(document.body, { attributes: true, attributeFilter: ["class"] });
watch("value", () => show(props.value));
show(props.value);
