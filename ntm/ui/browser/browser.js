// Starts the owner of the run on show, and is its way to the server. Gradio calls this as a function body with `props`,
// `trigger` and `watch`. The first value is JSON: the catalogue, where its scripts are, and the first question with what
// came of it. From then on the value is a letter to the server, and its answer.

const { catalogue, scripts, first } = JSON.parse(props.value);
const root = (window.gradio_config?.root ?? location.origin) + "/";
const PATIENCE = 20000; // milliseconds
const waiting = new Map();
let letters = 0;

function ask(asked) {
  const number = ++letters;
  return new Promise((resolve, reject) => {
    waiting.set(number, resolve);
    setTimeout(reject, PATIENCE);
    props.value = JSON.stringify({ number, asked });
    trigger("letter");
  }).finally(() => waiting.delete(number));
}

watch("value", () => {
  const { number, ...answer } = JSON.parse(props.value);
  waiting.get(number)?.(answer);
});
window.ntmReady = import(new URL(scripts + "store.js", root)).then(({ open }) => open({ ...catalogue, root }, ask, first));
// Gradio tells of what is typed a frame later.
document.addEventListener("input", ({ target }) => {
  if (target.closest("#typed")) window.ntm?.edit({ typed: target.value });
});
