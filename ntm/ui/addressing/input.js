// Mouse, finger and keyboard: what is chosen, and what is set. The last lines start it all.

const makeRow = () => makeField("number", "Number of the vector, from the top", (row) => choose({ row: row - 1 }));
const [keyRow, memoryRow] = [makeRow(), makeRow()];
const memorySlot = makeField("slot", "Slot of memory", (slot) => choose({ slot }));
const headSlot = makeField("or put it on slot", "Put the head on slot", put);
keyRow.input.min = memoryRow.input.min = 1;
const place = (name, ...fields) => element.querySelector('[data-fields="' + name + '"]').append(...fields.map(({ field }) => field));
place("key", keyRow);
place("weighting", headSlot);
place("passed", memoryRow, memorySlot);

function choose(chosen) {
  Object.assign(view, chosen);
  schedule();
}

function put(slot) {
  putHead(view.step, view.run.heads[view.head], slot);
}

const sceneOf = (name) => ({ ...sceneNow(), width: pictures[name].clientWidth });
const numbersNow = ({ run, head, step, chosen }) => numbersOf(run, head, step, chosen);

onDrag(pictures.weighting, () => view.run.byServer ? null : (x) => {
  const slot = slotAtX(sceneOf("weighting"), x);
  if (slot !== null) put(slot);
});
onDrag(pictures.compared, (x, y) => {
  if (vectorAtX(1, x) === null) return null;
  choose({ row: rowAtY(sceneNow(), y) });
  return dragNumber(numbersNow(sceneNow()).key[0]);
});
onDrag(pictures.passed, (x, y) => {
  const scene = sceneOf("passed"), slot = slotAtX(scene, x), row = rowAtY(scene, y);
  if (slot !== null) {
    choose({ row, slot });
    return dragNumber(numbersNow(sceneNow()).memory[0]);
  }
  const { vectors } = numbersNow(scene), index = vectorAtX(vectors.length, x);
  if (index === null) return null;
  choose({ row });
  return dragNumber(numbersNow(sceneNow()).vectors[index]);
});

for (const [name, canvas] of Object.entries(pictures)) {
  canvas.addEventListener("pointermove", ({ offsetX, offsetY }) => {
    view.hover = slotAtX(sceneOf(name), offsetX);
    view.tipAt = { x: canvas.offsetLeft + offsetX, y: canvas.offsetTop + offsetY };
    schedule();
  });
  canvas.addEventListener("pointerleave", () => {
    view.hover = null;
    schedule();
  });
}

document.addEventListener("keydown", ({ key }) => key === "Escape" && choose({ hover: null }));
part("clear").addEventListener("click", () => tell(clearSlot(view.run, view.step, sceneNow().chosen.slot)));
part("zoom").addEventListener("click", () => choose({ allSlots: !view.allSlots }));

document.addEventListener("run", ({ detail }) => show(detail.run, detail.original));
document.addEventListener("tape", ({ detail }) => choose({ step: Math.round(detail.position) }));
if (window.ntm) {
  view.step = window.ntm.step;
  show(window.ntm.run, window.ntm.state.original);
}

new ResizeObserver(schedule).observe(root);
new MutationObserver(schedule).observe(document.body, { attributes: true, attributeFilter: ["class"] });
