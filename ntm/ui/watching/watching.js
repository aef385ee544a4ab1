// Tells the server of the run on show. Gradio calls this as a function body with `element`, `props` and `trigger`.

const PAUSE = 300; // milliseconds without an edit, or without a step
const place = element.querySelector("[data-part=watch]");
const timers = {};
let told = null;

function tell() {
  const { run, problem } = window.ntm?.state ?? {};
  if (!run || problem || !element.isConnected || place.offsetParent === null) return;
  const value = window.ntm.told();
  if (value === told) return;
  props.value = told = value;
  trigger("settled");
}

// Each waits for itself: while the machine plays there is always another step, and a new run is told of all the same.
function wait(what) {
  clearTimeout(timers[what]);
  timers[what] = setTimeout(tell, PAUSE);
}

document.addEventListener("run", () => wait("edit"));
document.addEventListener("tape", () => wait("step"));
new ResizeObserver(() => wait("edit")).observe(place); // it has no size until it can be seen
