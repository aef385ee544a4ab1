// Loads the experiments where the page was opened with the address of one, or once their list is in sight. Gradio calls
// this as a function body with `element`, `props` and `trigger`. The value is JSON: where the page's modules are.

const { scripts } = JSON.parse(props.value);
const root = (window.gradio_config?.root ?? location.origin) + "/";
let loading = null;

function load() {
  loading ??= Promise.all([import(new URL(scripts + "experiments_view.js", root)), window.ntmReady])
    .then(([{ mount }]) => mount(element, (query) => trigger("choose", { query })));
}

document.addEventListener("experiments", load);
window.ntmReady.then(({ link }) => {
  if (link.has("experiment") || document.querySelector("#experiments .experiments")) load();
});
