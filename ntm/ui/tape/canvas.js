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
  return context;
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
