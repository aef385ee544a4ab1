// The grid: shows a question as bits and lets them be changed. Gradio calls this as a function body with `element`,
// `props`, `trigger` and `watch`. The data flows one way: value -> question -> elements; an edit makes a new value.

const part = (name) => element.querySelector('[data-part="' + name + '"]');
const [rowsPlace, lessButton, moreButton] = ["rows", "less", "more"].map(part);
const PIXELS_A_STEP = 4;      // of a drag, less than a cell's side
const TOLD_AFTER = 50;        // milliseconds without an edit
const SIDEWAYS = 6;           // in pixels; a finger that goes so far paints, and one that goes down scrolls
const EMPTY_LINE = String.fromCharCode(10, 10), LINE = String.fromCharCode(10);

let question = null, shownRun = null;
let telling = null;           // the event by which the page is about to be told
let timer = 0;                // until then
let sent = [];                // edits of which no answer has come yet, oldest first
let stroke = null;            // while a drag paints: the bit that it sets, and where it has come to
let finger = null;            // on a bit, and not yet known to paint: it may want to scroll the page instead
let cursor = { row: 0, bit: 0 };

const isStream = () => question.layout === "stream";

// ---- the question as text ----------------------------------------------------------------------------------------

function textOf({ rows, priorities, rowsAnItem }) {
  if (priorities) return rows.map((row, index) => row + " " + priorities[index]).join(LINE);
  if (!rowsAnItem) return rows.join(LINE);
  const items = rows.length / rowsAnItem;
  return Array.from({ length: items }, (_, item) => rows.slice(item * rowsAnItem, (item + 1) * rowsAnItem).join(LINE)).join(EMPTY_LINE);
}

// Has the machine run what was edited, and soon tells the page of it: "input" of the text, "ask" of the number alone.
function send(event = "input") {
  const { number } = question;
  sent.push(parts(question));
  window.ntm.edit(event === "ask" ? { number } : { kind: "Bits", typed: textOf(question), number });
  telling = telling === "input" ? telling : event;
  clearTimeout(timer);
  timer = setTimeout(tell, TOLD_AFTER);
}

// The page hears once the picture is there, and of many edits once: with every value, Gradio has the browser style the
// whole grid anew, which takes as long as several frames where it is large.
function tell() {
  props.value = JSON.stringify({ ...question, text: textOf(question) });
  trigger(telling);
  telling = null;
}

// ---- showing it --------------------------------------------------------------------------------------------------

function show(value) {
  const fresh = structuredClone(value), answered = sent.indexOf(parts(fresh));
  sent = sent.slice(answered + 1);
  // The answer to an edit that others have followed says nothing new; what was never sent comes from elsewhere.
  if (answered >= 0 && sent.length) return;
  if (answered < 0) sent = [];
  const same = question && parts(fresh) === parts(question);
  question = fresh;
  if (!same) build();
}

const parts = ({ task, rows, number, priorities }) => JSON.stringify([task, rows, number, priorities]);

function build() {
  const focused = rowsPlace.contains(document.activeElement);
  rowsPlace.replaceChildren();
  question.rows.forEach((row, index) => {
    if (question.rowsAnItem && index % question.rowsAnItem === 0) rowsPlace.append(headOf(index / question.rowsAnItem));
    rowsPlace.append(rowOf(row, index));
  });
  const noun = question.rowsAnItem ? "item" : "row";
  lessButton.textContent = isStream() ? "⌫" : "− " + noun;
  lessButton.setAttribute("aria-label", isStream() ? "Take the last bit away" : "One " + noun + " less");
  moreButton.textContent = isStream() ? "1" : "+ " + noun;
  moreButton.setAttribute("aria-label", isStream() ? "Next bit: 1" : "One " + noun + " more");
  zeroButton.hidden = !isStream();
  cursor = { row: Math.min(cursor.row, question.rows.length - 1), bit: Math.min(cursor.bit, question.rows[0].length - 1) };
  point(focused);
}

function make(tag, attributes, text) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function rowOf(row, index) {
  const line = make("div", { role: "row", class: isStream() ? "stream" : "row" });
  if (!isStream()) line.append(make("span", { class: "place", role: "rowheader" }, index + 1));
  [...row].forEach((_, bit) => {
    const cell = make("div", { role: "gridcell", class: "bit", tabindex: -1, "data-row": index, "data-bit": bit });
    line.append(cell);
    showBit(cell);
  });
  if (question.priorities) line.append(...sliderOf(index));
  return line;
}

function showBit(cell) {
  const { row, bit } = cell.dataset, value = question.rows[row][bit];
  cell.setAttribute("aria-selected", value === "1");
  cell.setAttribute("aria-label", "row " + (Number(row) + 1) + ", bit " + (Number(bit) + 1) + ": " + value);
}

function sliderOf(index) {
  const value = question.priorities[index];
  const cell = make("span", { role: "gridcell", class: "slider" });
  const slider = make("input", { type: "range", min: -1, max: 1, step: 0.01, "aria-label": "Priority of row " + (index + 1) });
  slider.value = value;
  cell.append(slider);
  const shown = make("span", { class: "value", role: "gridcell" }, value.toFixed(2));
  slider.addEventListener("input", () => {
    question.priorities[index] = Number(slider.value);
    shown.textContent = question.priorities[index].toFixed(2);
    send();
  });
  return [cell, shown];
}

// Above an item: its number, and where one is asked about, the choice of it; nothing follows the last.
function headOf(item) {
  const last = item === question.rows.length / question.rowsAnItem - 1;
  const line = make("div", { role: "row" }), cell = make("div", { role: "gridcell" });
  line.append(cell);
  if (question.number === null) {
    cell.append(make("span", { class: "ask last" }, "item " + (item + 1)));
    return line;
  }
  const label = make("label", { class: last ? "ask last" : "ask" });
  const choice = make("input", { type: "radio", name: "query" });
  choice.disabled = last;
  choice.checked = item + 1 === question.number;
  choice.addEventListener("change", () => {
    question.number = item + 1;
    send("ask");
  });
  label.append(choice, "item " + (item + 1) + (last ? ", the last" : ": ask about it"));
  cell.append(label);
  return line;
}

function showBelief() {
  part("beliefs").hidden = !question.belief;
  if (!question.belief) return;
  ["machine", "optimal"].forEach((name, index) => {
    part(name).value = question.belief[index];
    part(name + "Text").textContent = Math.round(100 * question.belief[index]) + " %";
  });
}

// ---- changing it -------------------------------------------------------------------------------------------------

const cellAt = ({ row, bit }) => rowsPlace.querySelector('[data-row="' + row + '"][data-bit="' + bit + '"]');

// One cell of the grid can be tabbed to; the arrow keys go on from there.
function point(focus) {
  for (const cell of rowsPlace.querySelectorAll('.bit[tabindex="0"]')) cell.tabIndex = -1;
  const cell = cellAt(cursor);
  if (!cell) return;
  cell.tabIndex = 0;
  if (focus) cell.focus();
}

function set(row, bit, value) {
  if (question.rows[row][bit] === value) return;
  question.rows[row] = question.rows[row].slice(0, bit) + value + question.rows[row].slice(bit + 1);
  showBit(cellAt({ row, bit }));
  send();
}

const flipped = (row, bit) => (question.rows[row][bit] === "1" ? "0" : "1");

rowsPlace.addEventListener("pointerdown", (event) => {
  const { row, bit } = event.target.dataset;
  if (bit === undefined || event.button) return;
  event.target.releasePointerCapture(event.pointerId); // a finger would keep hold of the first cell
  const touched = { row: Number(row), bit: Number(bit), x: event.clientX, y: event.clientY };
  if (event.pointerType === "touch") finger = touched;
  else beginStroke(touched);
});

function beginStroke({ row, bit, x, y }) {
  cursor = { row, bit };
  stroke = { value: flipped(row, bit), x, y };
  point(true);
  set(row, bit, stroke.value);
}

// A browser tells of a quick drag only here and there; the cells in between lie on a line.
function paintTo(x, y) {
  const steps = Math.ceil(Math.hypot(x - stroke.x, y - stroke.y) / PIXELS_A_STEP);
  for (let step = 1; step <= steps; step++) {
    const [atX, atY] = [stroke.x + (x - stroke.x) * step / steps, stroke.y + (y - stroke.y) * step / steps];
    const { row, bit } = document.elementFromPoint(atX, atY)?.dataset ?? {};
    if (bit !== undefined) set(Number(row), Number(bit), stroke.value);
  }
  Object.assign(stroke, { x, y });
}

document.addEventListener("pointermove", (event) => {
  if (finger && Math.abs(event.clientX - finger.x) > SIDEWAYS) {
    beginStroke(finger);
    finger = null;
  }
  if (stroke && event.buttons) paintTo(event.clientX, event.clientY);
});
document.addEventListener("pointerup", () => {
  if (finger) beginStroke(finger);
  stroke = finger = null;
});
// A finger's drag is cancelled where the page scrolls instead.
document.addEventListener("pointercancel", () => { stroke = finger = null; });

const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
rowsPlace.addEventListener("keydown", (event) => {
  if (event.target.dataset.bit === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  const { row, bit } = cursor, last = question.rows[0].length - 1;
  if (MOVES[event.key]) {
    const [down, right] = MOVES[event.key];
    cursor = { row: Math.min(Math.max(row + down, 0), question.rows.length - 1), bit: Math.min(Math.max(bit + right, 0), last) };
    point(true);
  } else if (event.key === " " || event.key === "Enter") set(row, bit, flipped(row, bit));
  else if (event.key === "0" || event.key === "1") {
    set(row, bit, event.key);
    cursor.bit = Math.min(bit + 1, last);
    point(true);
  } else return;
  event.preventDefault();
});

function append(bit) {
  question.rows[0] += bit;
  build();
  send();
}

function more() {
  if (isStream()) return append("1");
  const count = question.rowsAnItem || 1;
  for (let row = 0; row < count; row++) question.rows.push("0".repeat(question.rows[0].length));
  if (question.priorities) question.priorities.push(0);
  build();
  send();
}

function less() {
  const count = question.rowsAnItem || 1;
  if (isStream() ? question.rows[0].length < 2 : question.rows.length <= count) return;
  if (isStream()) question.rows[0] = question.rows[0].slice(0, -1);
  else question.rows.splice(-count);
  if (question.priorities) question.priorities.pop();
  if (question.rowsAnItem && question.number !== null) question.number = Math.max(1, Math.min(question.number, question.rows.length / count - 1));
  build();
  send();
}

const zeroButton = make("button", { type: "button", "aria-label": "Next bit: 0" }, "0");
part("edit").insertBefore(zeroButton, moreButton);
zeroButton.addEventListener("click", () => append("0"));
lessButton.addEventListener("click", less);
moreButton.addEventListener("click", more);

function showRun({ run, problem }) {
  if (!run || problem || !element.isConnected) return;
  if (run.id !== shownRun) show(window.ntm.layOut(run.question));
  shownRun = run.id;
  question.belief = run.belief;
  showBelief();
}
document.addEventListener("run", ({ detail }) => showRun(detail));
if (window.ntm) showRun(window.ntm.state);
