// Shows what the server draws of the run on show. Gradio calls this as a function body with `element` and `server`.

const PAUSE = 300; // milliseconds without an edit
const place = element.querySelector("[data-part=drawing]");
let drawn = null, timer = 0;

async function draw() {
  const { run, problem } = window.ntm?.state ?? {};
  if (!run || problem || !element.isConnected || element.offsetParent === null) return;
  const asked = run.outputs;
  if (asked === drawn) return;
  drawn = asked;
  const picture = await server.answer({ query: window.ntm.query(), error: window.ntm.errorOf(run) });
  if (drawn === asked && picture) place.innerHTML = picture;
}

document.addEventListener("run", () => {
  clearTimeout(timer);
  timer = setTimeout(draw, PAUSE);
});
new IntersectionObserver(draw).observe(element);
draw();
