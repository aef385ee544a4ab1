// The view of the flow: which vector is open. All else is the page's run and its step.

const part = (name) => element.querySelector('[data-part="' + name + '"]');
const [root, machine, paths, opened] = ["flow", "machine", "paths", "opened"].map(part);
const node = (name) => element.querySelector('[data-node="' + name + '"]');
const view = { run: null, original: null, step: 0, open: null };
let frame = 0;

function schedule() {
  if (!frame) frame = requestAnimationFrame(draw);
}

function show(run, original) {
  if (!run) return;
  Object.assign(view, { run: prepareRun(run, original), original, step: Math.min(view.step, run.steps - 1) });
  schedule();
}

function draw() {
  frame = 0;
  const { run, original, step } = view;
  if (!run?.slots || !root.clientWidth) return;
  const palette = paletteOf(root), vectors = vectorsOf(run, step);
  for (const [name, some] of Object.entries(vectors)) showVectors(node(name).querySelector(".vectors"), name, some, palette);
  drawMemory(node("memory").querySelector("canvas"), { run, step, palette, stretch: run.usedSlots });
  drawPaths(paths, pathsOf(run, step), linesUp(machine));
  showOpened(vectors, original && vectorsOf(original, step));
}

function showVectors(place, name, vectors, palette) {
  while (place.children.length < vectors.length) place.append(makeVector(name, place.children.length));
  while (place.children.length > vectors.length) place.lastChild.remove();
  vectors.forEach((vector, index) => {
    const button = place.children[index], [sign, { firstChild: canvas }] = button.children;
    setText(sign, vector.sign);
    button.setAttribute("aria-label", "Open the " + vector.name);
    button.setAttribute("aria-expanded", view.open?.name === name && view.open.index === index);
    drawVector(canvas, vector, palette);
  });
}

function makeVector(name, index) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "vector" });
  const picture = document.createElement("span");
  picture.append(document.createElement("canvas"));
  button.append(document.createElement("i"), picture);
  button.addEventListener("click", () => {
    view.open = view.open?.name === name && view.open.index === index ? null : { name, index };
    schedule();
  });
  return button;
}

// The numbers of the vector that is open: sliders, where somebody can set them.
function showOpened(vectors, were) {
  const of = (all) => view.open && all?.[view.open.name][view.open.index];
  const vector = of(vectors);
  opened.hidden = !vector;
  if (!vector) return;
  setText(part("openedName"), vector.name[0].toUpperCase() + vector.name.slice(1));
  const [numbers, before] = [vector, of(were)].map((each) => each && (each.numbers?.() ?? fixedNumbers(each)));
  showSliders(part("numbers"), numbers, before, setNumber);
}

// Numbers that follow from others, so nobody can set them.
function fixedNumbers({ values, name, most }) {
  const range = { least: -Math.max(1, most), most: Math.max(1, most), overrides: null };
  return Array.from(values, (value, index) => ({ sign: String(index + 1), name: nth(index) + " of the " + name, value, ...range }));
}

document.addEventListener("run", ({ detail }) => show(detail.run, detail.original));
document.addEventListener("tape", ({ detail }) => {
  view.step = Math.round(detail.position);
  schedule();
});
if (window.ntm) {
  view.step = window.ntm.step;
  show(window.ntm.run, window.ntm.state.original);
}

new ResizeObserver(schedule).observe(root);
new MutationObserver(schedule).observe(document.body, { attributes: true, attributeFilter: ["class"] });
