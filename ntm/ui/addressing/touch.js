const FULL_DRAG = 120; // so many pixels sideways are the whole range of a number

// Tells the page that somebody sets a number or moves a head, see ntm/ui/touching/touching.js.
const tell = (touch) => document.dispatchEvent(new CustomEvent("touch", { detail: touch }));

function setNumber(step, { name, overrides }, value) {
  tell({ step, what: name, words: "set " + name + " to " + value.toFixed(2), overrides: overrides(value) });
}

function putHead(step, head, slot) {
  const overrides = [{ step, field: "weighting", head: head.gates, slot }];
  tell({ step, what: "the " + head.name, words: "put the " + head.name + " on slot " + slot, overrides });
}

// Calls `move(x, by)` while a picture is dragged sideways, and at a click. A swipe up or down scrolls the page.
function onDrag(canvas, begin) {
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => {
    const move = begin(event.offsetX, event.offsetY);
    drag = move && { move, from: event.offsetX, moved: false };
    if (drag) canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", ({ offsetX }) => {
    if (!drag || (!drag.moved && Math.abs(offsetX - drag.from) < 4)) return;
    drag.moved = true;
    drag.move(offsetX, offsetX - drag.from);
  });
  canvas.addEventListener("pointerup", () => {
    if (drag && !drag.moved) drag.move(drag.from, 0);
    drag = null;
  });
  canvas.addEventListener("pointercancel", () => { drag = null; });
}

// What sets a number while it is dragged, if it can be set.
function dragNumber(step, number) {
  const { least, most, value } = number;
  if (!number.overrides) return null;
  return (_, by) => by && setNumber(step, number, Math.min(most, Math.max(least, value + (by / FULL_DRAG) * (most - least))));
}
