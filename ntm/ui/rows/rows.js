// Fills the table of rows, while it can be seen. Gradio calls this as a function body with `element`.

const body = element.querySelector("[data-part=body]");
let shown = null;

function show() {
  const run = window.ntm?.run;
  if (!run || !element.isConnected || body.offsetParent === null || shown === run.outputs) return;
  shown = run.outputs;
  const steps = Array.from({ length: run.steps }, (_, step) => step).filter((step) => run.mask[step]);
  body.replaceChildren(...steps.map((step, index) => rowOf(run, step, index + 1)));
}

function rowOf(run, step, place) {
  const first = step * run.outputSize, last = first + run.outputSize;
  const bits = (values) => Array.from(values.subarray(first, last), (value) => (value > 0.5 ? "1" : "0"));
  const due = bits(run.targets);
  const came = bits(run.outputs).map((bit, index) => (bit === due[index] ? bit : wrongBit(bit, due[index])));
  const probabilities = Array.from(run.outputs.subarray(first, last), (value) => value.toFixed(2)).join(" ");
  const line = document.createElement("tr");
  line.append(cell("th", place), cell("td", due.join("")), cell("td", ...came), cell("td", probabilities));
  line.firstChild.scope = "row";
  return line;
}

function cell(tag, ...contents) {
  const made = document.createElement(tag);
  made.append(...contents);
  return made;
}

function wrongBit(bit, due) {
  const mark = document.createElement("mark");
  mark.textContent = bit;
  mark.title = "wrong: " + due + " was due";
  return mark;
}

document.addEventListener("run", show);
new ResizeObserver(show).observe(body.parentElement); // it has no size until it can be seen
show();
