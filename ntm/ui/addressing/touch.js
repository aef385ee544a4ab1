const FULL_DRAG = 120; // so many pixels sideways are the whole range of a number

// Tells the page that somebody sets a number or moves a head, see ntm/ui/touching/touching.js.
const tell = (overrides) => document.dispatchEvent(new CustomEvent("touch", { detail: overrides }));

// With as many digits as there are in an address.
function setNumber({ overrides }, value) {
  const round = (value) => Number(value.toFixed(4));
  tell(overrides(Number(value.toFixed(2))).map((each) => ({ ...each, value: round(each.value) })));
}

const putHead = (step, head, slot) => tell([{ step, field: "weighting", head: head.gates, slot }]);

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
function dragNumber(number) {
  const { least, most, value } = number;
  if (!number.overrides) return null;
  return (_, by) => by && setNumber(number, Math.min(most, Math.max(least, value + (by / FULL_DRAG) * (most - least))));
}
