// What a machine does with one sequence, on a canvas: time runs to the right, as in the paper's figure 6. Below the input
// and the answer each slot has a row: when it is written and read, and on the right what it holds as the answer begins.

const LABEL = 58, GAP = 14, TITLE = 16, BIT = 7;
const LARGEST_CELL = 18, SLOTS_HEIGHT = 150, LARGEST_SLOT = 10, SMALLEST_SLOT = 2;

/** Draws `picture`, as the worker reports it, of `sequence`, which was asked of a machine of `config`. */
export function drawPicture(canvas, { config, sequence, picture }) {
  const { steps, inputs, targets, mask } = sequence;
  const { input_size: channels, output_size: outputs, memory_slots: slots, memory_width: width } = config;
  const room = canvas.parentElement.clientWidth;
  const cell = Math.min(LARGEST_CELL, (room - LABEL - GAP) / (steps + width));
  const slot = Math.max(SMALLEST_SLOT, Math.min(LARGEST_SLOT, SLOTS_HEIGHT / slots));
  const answers = BIT * channels + GAP, below = answers + BIT * outputs + GAP + TITLE;
  const context = prepare(canvas, room, below + slot * slots + 2);
  const colours = paletteOf(canvas);
  const begins = mask.indexOf(1);
  // Cells of a colour, each as strong as its share of it.
  const grid = (top, rows, height, columns, left, cellAt) => {
    for (let row = 0; row < rows; row += 1)
      for (let column = 0; column < columns; column += 1) {
        const place = [left + column * cell, top + row * height, cell - 0.5, height - 0.5];
        const [colour, share] = cellAt(row, column);
        context.globalAlpha = 1;
        context.fillStyle = colours.empty;
        context.fillRect(...place);
        context.globalAlpha = Math.min(1, share);
        context.fillStyle = colours[colour];
        context.fillRect(...place);
      }
    context.globalAlpha = 1;
  };
  const label = (text, x, y, align) => {
    context.fillStyle = colours.text;
    context.textAlign = align;
    context.fillText(text, x, y);
  };

  label("input", LABEL - 8, (BIT * channels) / 2, "right");
  grid(0, channels, BIT, steps, LABEL, (row, step) => ["ink", Math.abs(inputs[step * channels + row])]);
  label("answer", LABEL - 8, answers + (BIT * outputs) / 2, "right");
  grid(answers, outputs, BIT, steps, LABEL, (row, step) => ["ink", mask[step] * picture.outputs[step * outputs + row]]);
  context.strokeStyle = colours.wrong;
  context.lineWidth = 1.5;
  for (let step = 0; step < steps; step += 1)
    for (let row = 0; row < outputs; row += 1)
      if (mask[step] && picture.outputs[step * outputs + row] > 0.5 !== targets[step * outputs + row] > 0.5)
        context.strokeRect(LABEL + step * cell + 0.5, answers + row * BIT + 0.5, cell - 1.5, BIT - 1.5);

  label("slots", LABEL - 8, below + (slot * slots) / 2, "right");
  const total = (weights, heads, step, row) => {
    let sum = 0;
    for (let head = 0; head < heads; head += 1) sum += weights[(step * heads + head) * slots + row];
    return Math.min(1, sum);
  };
  grid(below, slots, slot, steps, LABEL, (row, step) => {
    const write = total(picture.writeWeights, config.write_heads, step, row);
    const read = total(picture.readWeights, config.read_heads, step, row);
    return write >= read ? ["write", write] : ["read", read];
  });
  const left = LABEL + steps * cell + GAP;
  label("memory", left, below - TITLE / 2 - 1, "left");
  const held = picture.memory.subarray((begins - 1) * slots * width, begins * slots * width);
  const brightest = Math.max(1e-3, held.reduce((most, value) => Math.max(most, Math.abs(value)), 0));
  grid(below, slots, slot, width, left, (row, column) => {
    const value = held[row * width + column];
    return [value < 0 ? "negative" : "positive", Math.abs(value) / brightest];
  });
}

function prepare(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "middle";
  return context;
}

function paletteOf(canvas) {
  const style = getComputedStyle(canvas), names = ["ink", "empty", "write", "read", "wrong", "positive", "negative"];
  return { ...Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`)])), text: style.color };
}
