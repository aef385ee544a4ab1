// Draws the flow: paths between the parts, from where these are on the page, vectors as rows of cells, and memory.

const NEAR = 16, AWAY = 20; // how far beside the parts a path goes, in CSS pixels

// The parts stand in a row, or where there is no room in a column. All places are given along and across that line.
function linesUp(machine) {
  const boxes = Object.fromEntries([...machine.querySelectorAll("[data-node]")].map((node) => {
    const { offsetLeft: x, offsetTop: y, offsetWidth: w, offsetHeight: h } = node;
    return [node.dataset.node, { x, y, w, h }];
  }));
  const inRow = boxes.output.x > boxes.input.x + boxes.input.w;
  const turned = ({ x, y, w, h }) => (inRow ? { start: x, end: x + w, near: y, far: y + h } : { start: y, end: y + h, near: x + w, far: x });
  const places = Object.fromEntries(Object.entries(boxes).map(([name, box]) => [name, turned(box)]));
  return { inRow, places };
}

// The corners of a path. Those that skip parts go beside the line: on the near side, or with `over` below 0 on the far one.
function cornersOf({ from, to, over = 0 }, { inRow, places }) {
  const [a, b] = [places[from], places[to]], middle = ({ near, far }) => (near + far) / 2;
  const point = (along, across) => (inRow ? [along, across] : [across, along]);
  if (!over) return [point(a.end, middle(a)), point(b.start - 2, middle(b))];
  const outward = inRow === over > 0 ? -1 : 1, edge = over > 0 ? "near" : "far";
  const edges = Object.values(places).map((place) => place[edge]);
  const across = (outward < 0 ? Math.min(...edges) : Math.max(...edges)) + outward * (NEAR + AWAY * (Math.abs(over) - 1));
  const [leave, arrive] = [a, b].map(({ start, end }, index) => start + (end - start) * (index ? 0.4 : 0.6) - 14 * (Math.abs(over) - 1));
  return [point(leave, a[edge]), point(leave, across), point(arrive, across), point(arrive, b[edge] + 2 * outward)];
}

function makeShape(name, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

function drawPaths(svg, paths, lines) {
  const drawn = paths.map((path) => ({ ...path, corners: cornersOf(path, lines) }));
  svg.replaceChildren(...drawn.flatMap(drawPath), ...(lines.inRow ? drawn.filter(({ words }) => words).map(drawWords) : []));
}

function drawWords({ words, over, corners: [, [from, y], [to]] }) {
  return makeShape("text", { x: (from + to) / 2, y: over > 0 ? y - 5 : y + 14, "text-anchor": "middle" }, words);
}

function drawPath({ share, kind = "text", over = 0, corners }) {
  const colour = "var(--" + kind + ")", opacity = 0.18 + 0.82 * share, [x, y] = corners.at(-1), [fromX, fromY] = corners.at(-2);
  const angle = (180 / Math.PI) * Math.atan2(y - fromY, x - fromX);
  const line = { points: corners.join(" "), fill: "none", stroke: colour, "stroke-width": 1.5 + 3.5 * share, "stroke-linejoin": "round", opacity };
  return [
    makeShape("polyline", over < 0 ? { ...line, "stroke-dasharray": "5 4" } : line),
    makeShape("path", { d: "M3 0L-7 -5V5Z", fill: colour, opacity, transform: "translate(" + x + " " + y + ") rotate(" + angle + ")" }),
  ];
}

// A vector as a row of cells.
function drawVector(canvas, { values, most }, palette) {
  const context = prepare(canvas, 12), width = canvas.parentElement.clientWidth;
  drawQuantities(context, values.length, 1, (column) => values[column], most, palette, 0, 0, width, 12);
  context.strokeStyle = css(palette.line);
  context.strokeRect(0.5, 0.5, width - 1, 11);
}

// Memory after the step, and each head's weighting over it: above where it writes, below where it reads.
function drawMemory(canvas, { run, step, palette, stretch }) {
  const width = canvas.parentElement.clientWidth, cell = width / stretch.count, lane = 14, height = 4 * run.width;
  const context = prepare(canvas, height + 2 * lane), memory = memoryBefore(run, step + 1);
  const slotIn = (column) => (stretch.first + column) % run.slots;
  const valueAt = (column, row) => memory[slotIn(column) * run.width + row];
  drawQuantities(context, stretch.count, run.width, valueAt, run.brightest, palette, 0, lane, width, height);
  for (const head of run.heads) {
    const weighting = weightingAfter(run, head, step);
    context.fillStyle = css(palette[head.kind]);
    for (let column = 0; column < stretch.count; column++) {
      const length = weighting[slotIn(column)] * (lane - 3);
      if (length > 0.2) context.fillRect(column * cell, head.kind === "write" ? lane - 2 - length : lane + height + 2, Math.max(1, cell - 1), length);
    }
  }
}
