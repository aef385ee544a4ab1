// Mouse, touch and keyboard: each moves the view, and nothing here draws. The last lines start it all.

// A place on the history is a step; on the strip of outputs it is one of their bits as well.
function pointAt({ offsetX, offsetY }) {
  const { step, strip, row } = stepUnder(sceneNow(), offsetX, offsetY);
  view.bit = strip && strip.name === "output" ? row : null;
  goTo(step);
}

for (const canvas of [memoryCanvas, historyCanvas]) {
  canvas.addEventListener("pointermove", (event) => {
    view.hover = { canvas, x: event.offsetX, y: event.offsetY, atX: event.clientX, atY: event.clientY };
    if (canvas === historyCanvas && event.buttons && scrubs(event)) pointAt(event);
    schedule();
  });
  canvas.addEventListener("pointerleave", () => {
    view.hover = null;
    schedule();
  });
}
// What shows at the pointer can be sent away without moving that.
document.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  view.hover = null;
  schedule();
});
// A finger may want to scroll the page instead: it moves the step once it goes sideways, or where it is lifted at once.
const SIDEWAYS = 6; // in pixels
let finger = null;
const scrubs = ({ pointerType, clientX }) => {
  if (pointerType !== "touch") return true;
  if (finger && Math.abs(clientX - finger.x) > SIDEWAYS) finger.scrubs = true;
  return finger?.scrubs;
};
historyCanvas.addEventListener("pointerdown", (event) => {
  if (event.pointerType === "touch") {
    finger = { x: event.clientX, scrubs: false };
    return;
  }
  historyCanvas.setPointerCapture(event.pointerId);
  pointAt(event);
});
historyCanvas.addEventListener("pointerup", (event) => {
  if (finger && !finger.scrubs) pointAt(event);
  finger = null;
});
historyCanvas.addEventListener("pointercancel", () => { finger = null; });

const KEYS = {
  " ": () => setPlaying(!view.playing),
  ArrowLeft: () => goBy(-1),
  ArrowRight: () => goBy(1),
  Home: () => goTo(0),
  End: () => goTo(view.run.steps - 1),
};
root.addEventListener("keydown", (event) => {
  const typing = event.target !== root && (event.target !== scrubber || event.key !== " ");
  if (typing || !KEYS[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  KEYS[event.key]();
});

part("first").addEventListener("click", KEYS.Home);
part("back").addEventListener("click", KEYS.ArrowLeft);
part("forward").addEventListener("click", KEYS.ArrowRight);
part("last").addEventListener("click", KEYS.End);
playButton.addEventListener("click", KEYS[" "]);
scrubber.addEventListener("input", () => goTo(Number(scrubber.value)));
zoomButton.addEventListener("click", () => {
  view.allSlots = !view.allSlots;
  zoomButton.setAttribute("aria-pressed", view.allSlots);
  schedule();
});
part("follow").addEventListener("click", () => goTo(sceneNow().link.step));
for (const list of ["slots", "steps"]) part(list).addEventListener("toggle", schedule);

const resizing = new ResizeObserver(schedule);
for (const place of [root, overTime]) resizing.observe(place);
new IntersectionObserver((changes) => {
  view.historyIsInSight = changes.at(-1).isIntersecting;
  schedule();
}, { rootMargin: "200px" }).observe(historyCanvas);
document.addEventListener("history", schedule);
new MutationObserver(schedule).observe(document.body, { attributes: true, attributeFilter: ["class"] });
document.addEventListener("touch", () => setPlaying(false)); // who sets a number wants to see what comes of it there
document.addEventListener("run", ({ detail }) => show(detail));
if (window.ntm) show(window.ntm.state);
