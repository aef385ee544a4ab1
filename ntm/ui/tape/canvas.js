// What the drawings have in common: the colours of the page's theme, a canvas in real pixels, and pictures of one cell a
// number. It knows nothing of runs.

function paletteOf(place) {
  const style = getComputedStyle(place);
  const rgb = (name) => {
    const hex = style.getPropertyValue(name).trim();
    return [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
  };
  const names = ["write", "read", "wrong", "positive", "negative", "ink", "empty", "line", "text"];
  return Object.fromEntries(names.map((name) => [name, rgb("--" + name)]));
}

const css = (rgb, alpha = 1) => "rgba(" + rgb.join(",") + "," + alpha + ")";
const clamp = (share) => Math.min(1, Math.max(0, share || 0)); // what is not known yet is drawn as nothing
const blend = (from, to, share) => from.map((value, index) => Math.round(value + (to[index] - value) * share));

// Sizes a canvas to its place on the page, in real pixels, and returns a context that draws in CSS pixels.
function prepare(canvas, height) {
  if (canvas.style.height !== height + "px") canvas.style.height = height + "px";
  return resize(canvas, canvas.parentElement.clientWidth, height);
}

// The same of a canvas that is on no page, with its size in CSS pixels.
function resize(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  return context;
}

// A picture of numbers from 0 to 1, one pixel a number, drawn large without smoothing. There may be tens of thousands of
// them in every frame, so colours are looked up.
function drawShares(context, columns, rows, shareAt, from, to, x, y, width, height) {
  const pixels = new ImageData(columns, rows), colours = new Uint32Array(pixels.data.buffer), shades = shadesOf(from, to);
  for (let row = 0, at = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, at++)
      colours[at] = shades[Math.round((SHADES - 1) * clamp(shareAt(column, row)))];
  drawPixels(context, pixels, x, y, width, height);
}

// The same of numbers above and below 0, which have their full colour at `most`.
function drawQuantities(context, columns, rows, valueAt, most, palette, x, y, width, height) {
  const [above, below] = [palette.positive, palette.negative].map((colour) => shadesOf(palette.empty, colour));
  const pixels = new ImageData(columns, rows), colours = new Uint32Array(pixels.data.buffer);
  for (let row = 0, at = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, at++) {
      const value = valueAt(column, row), shade = Math.round((SHADES - 1) * clamp(Math.abs(value) / most));
      colours[at] = (value < 0 ? below : above)[shade];
    }
  drawPixels(context, pixels, x, y, width, height);
}

const SHADES = 256;
const knownShades = new Map(); // the colours of the page's theme are few

function shadesOf(from, to) {
  const key = from + " " + to;
  if (!knownShades.has(key)) knownShades.set(key, mixShades(from, to));
  return knownShades.get(key);
}

function mixShades(from, to) {
  const pixels = new Uint8ClampedArray(4 * SHADES);
  for (let shade = 0; shade < SHADES; shade++) pixels.set([...blend(from, to, shade / (SHADES - 1)), 255], 4 * shade);
  return new Uint32Array(pixels.buffer);
}

const picture = new OffscreenCanvas(1, 1); // one for all: to make another takes longer than to draw

function drawPixels(context, pixels, x, y, width, height) {
  [picture.width, picture.height] = [pixels.width, pixels.height];
  picture.getContext("2d").putImageData(pixels, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(picture, x, y, width, height);
}
