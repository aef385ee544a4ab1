// The view of addressing: which head is on show, and which of the numbers that come by the dozen. All else is the page's
// run, its step, and the run as it was before somebody touched it.

const part = (name) => element.querySelector('[data-part="' + name + '"]');
const [root, headChoice, tip] = ["stages", "heads", "tip"].map(part);
const pictures = Object.fromEntries(
  [...element.querySelectorAll("[data-stage]")].map((stage) => [stage.dataset.stage, stage.querySelector("canvas")]),
);
const numberPlaces = Object.fromEntries(
  [...element.querySelectorAll("[data-numbers]")].map((place) => [place.dataset.numbers, place]),
);

// `slot` is the slot of memory whose numbers are shown; where it is null, the one that the head is on.
const view = { run: null, original: null, step: 0, head: 0, row: 0, slot: null, hover: null, allSlots: false };
let frame = 0;
const headsId = Math.random().toString(36).slice(2); // for radio buttons of one name exclude each other on the whole page

function schedule() {
  if (!frame) frame = requestAnimationFrame(draw);
}

// Shows a run. What was chosen stays where the run has it too.
function show(run, original) {
  if (!run) return;
  const { head, row, slot, step } = view;
  Object.assign(view, {
    run: prepareRun(run, original),
    original,
    step: Math.min(step, run.steps - 1),
    head: head < run.heads.length ? head : 0,
    row: row < run.width ? row : 0,
    slot: slot < run.slots ? slot : null,
  });
  schedule();
}

function sceneNow() {
  const { run, original, step, hover } = view, head = run.heads[view.head];
  const stages = stagesOf(run, head, step), were = original && stagesOf(original, original.heads[view.head], step);
  const chosen = { row: view.row, slot: view.slot ?? peakOf(stages.weighting).slot };
  const stretch = view.allSlots ? { first: 0, count: run.slots } : run.usedSlots;
  return { run, original, step, head, stages, were, chosen, stretch, hover, palette: paletteOf(root) };
}

function draw() {
  frame = 0;
  if (!view.run?.slots || !root.clientWidth) return;
  const scene = sceneNow();
  drawStages(scene);
  describe(scene);
}

function drawStages(scene) {
  const { palette, run, step, head, stages, were, chosen } = scene, width = pictures.weighting.parentElement.clientWidth;
  const ghostOf = (name) => (were && differ(stages[name], were[name]) ? were[name] : null);
  drawMemory(pictures.compared, { ...scene, width }, [["k", stages.key, 1]], memoryBefore(run, step), { row: chosen.row, slot: null });
  for (const [name, bars] of Object.entries(barsOf(stages, palette, palette[head.kind])))
    drawBars(pictures[name], { ...scene, width }, { ...bars, ghost: ghostOf(name) });
  drawMemory(pictures.passed, { ...scene, width }, vectorsOf(run, head, step), memoryBefore(run, step + 1), chosen);
}

const differ = (now, before) => now.some((value, slot) => Math.abs(value - before[slot]) > 1e-3);

// What a head passes to memory, or from it: [[letter, vector, the size that is drawn in full colour]].
function vectorsOf(run, head, step) {
  const of = (vectors) => vectors.subarray((step * head.count + head.index) * run.width, (step * head.count + head.index + 1) * run.width);
  if (head.kind === "read") return [["r", of(run.reads), run.brightest]];
  return [["e", of(run.erases), 1], ["a", of(run.adds), run.brightest]];
}
