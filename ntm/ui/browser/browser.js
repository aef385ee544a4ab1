// Starts the owner of the run on show. Gradio calls this as a function body with `props` and `server`. The value is JSON:
// the catalogue, where its scripts are, and the first question with what came of it.

const { catalogue, scripts, first } = JSON.parse(props.value);
const root = (window.gradio_config?.root ?? location.origin) + "/";
window.ntmReady = import(new URL(scripts + "store.js", root)).then(({ open }) => open({ ...catalogue, root }, server.answer, first));
