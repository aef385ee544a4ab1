// Draws a card. Lengths are in pixels of the picture.

const WIDTH = 1200, HEIGHT = 630, MARGIN = 56, GUTTER = 84;
const FAMILY = "system-ui, sans-serif";
const STRIP = 40, BETWEEN = 8;
const TOP = 250, FOOT = HEIGHT - 84; // of the picture of the run

// A canvas with a card of a run, under `words` (see verdict.js) and over the address that opens it.
function drawCard(run, words, address, palette, background) {
  const canvas = new OffscreenCanvas(WIDTH, HEIGHT), context = canvas.getContext("2d");
  context.fillStyle = background;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  context.textBaseline = "alphabetic";
  write(context, words.kicker, 72, 24, palette.text);
  write(context, words.heading, 130, 48, palette.ink, "bold");
  write(context, words.caption, 178, 26, palette.ink);
  write(context, words.comparison, 216, 22, palette.text);
  drawRun(context, run, palette);
  const legend = drawLegend(context, palette);
  write(context, address, HEIGHT - 36, 20, palette.text, "", WIDTH - MARGIN - legend - 32);
  return canvas;
}

// A line of text, as large as it fits but no smaller than two thirds; what is too long even so is cut.
function write(context, text, y, size, colour, weight = "", right = WIDTH - MARGIN) {
  const room = right - MARGIN, font = (pixels) => weight + " " + pixels + "px " + FAMILY;
  context.font = font(size);
  const smaller = Math.max((2 / 3) * size, (size * room) / context.measureText(text).width);
  context.font = font(Math.min(size, smaller));
  context.fillStyle = css(colour);
  context.textAlign = "left";
  context.fillText(cut(context, text, room), MARGIN, y);
}

function cut(context, text, room) {
  if (context.measureText(text).width <= room) return text;
  const characters = [...text], fits = (count) => context.measureText(characters.slice(0, count).join("") + "…").width <= room;
  let [least, most] = [0, characters.length];
  while (most - least > 1) {
    const middle = (least + most) >> 1;
    if (fits(middle)) least = middle;
    else most = middle;
  }
  return characters.slice(0, least).join("") + "…";
}

function drawRun(context, run, palette) {
  const left = MARGIN + GUTTER, width = WIDTH - MARGIN - left, focus = TOP + 2 * (STRIP + BETWEEN);
  const strip = (name, top, rows, shareAt) => {
    drawShares(context, run.steps, rows, shareAt, palette.empty, palette.ink, left, top, width, STRIP);
    label(context, name, top, STRIP, palette);
  };
  strip("in", TOP, run.inputSize, bitsToShow(run, run.inputs, run.inputSize, true));
  strip("out", TOP + STRIP + BETWEEN, run.outputSize, bitsToShow(run, run.outputs, run.outputSize, false));
  if (!run.slots) return;
  drawFocus(context, run, palette, left, focus, width, FOOT - focus);
  label(context, "memory", focus, FOOT - focus, palette);
}

// Where the heads write and read: a slot a row, a step a column.
function drawFocus(context, run, palette, left, top, width, height) {
  const { first, count } = run.usedSlots, pixels = new ImageData(run.steps, count);
  const [written, read] = ["write", "read"].map((kind) => weightsOfKind(run, kind));
  for (let row = 0, at = 0; row < count; row++)
    for (let step = 0; step < run.steps; step++, at += 4) {
      const slot = (first + row) % run.slots, under = blend(palette.empty, palette.write, clamp(written(step, slot)));
      pixels.data.set([...blend(under, palette.read, clamp(read(step, slot))), 255], at);
    }
  drawPixels(context, pixels, left, top, width, height);
}

function label(context, name, top, height, palette) {
  context.font = "20px " + FAMILY;
  context.fillStyle = css(palette.text);
  context.textAlign = "right";
  context.fillText(name, MARGIN + GUTTER - 12, top + height / 2 + 7);
}

// Which colour is which, at the right of the foot; its width.
function drawLegend(context, palette) {
  context.font = "20px " + FAMILY;
  context.textAlign = "right";
  let right = WIDTH - MARGIN;
  for (const [name, colour] of [["it reads", palette.read], ["it writes", palette.write]]) {
    const width = context.measureText(name).width;
    context.fillStyle = css(palette.text);
    context.fillText(name, right, HEIGHT - 36);
    context.fillStyle = css(colour);
    context.fillRect(right - width - 26, HEIGHT - 52, 18, 18);
    right -= width + 50;
  }
  return WIDTH - MARGIN - right;
}
