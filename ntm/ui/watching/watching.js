// Tells the server of the run on show. Gradio calls this as a function body with `element`, `props` and `trigger`.

const PAUSE = 300; // milliseconds without an edit or a step
const place = element.querySelector("[data-part=watch]");
let told = null, timer = 0;

function tell() {
  const { run, problem } = window.ntm?.state ?? {};
  if (!run || problem || !element.isConnected || place.offsetParent === null) return;
  const value = window.ntm.told();
  if (value === told) return;
  props.value = told = value;
  trigger("settled");
}

function wait() {
  clearTimeout(timer);
  timer = setTimeout(tell, PAUSE);
}

document.addEventListener("run", wait);
document.addEventListener("tape", wait);
new ResizeObserver(wait).observe(place); // it has no size until it can be seen
