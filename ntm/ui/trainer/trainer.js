// Starts the trainer when it is first seen. Gradio calls this as a function body with `element`, `props` and `watch`. The
// value is JSON: at first where the page's modules are, then what is to be trained: { kind, settings }.

const { scripts } = JSON.parse(props.value);
const root = (window.gradio_config?.root ?? location.origin) + "/";
const ready = Promise.all([import(new URL(scripts + "trainer_view.js", root)), window.ntmReady]);
const mounted = ready.then(([{ mount }, store]) => mount(element, (name) => store.task(name)));

watch("value", async () => {
  const { kind, settings } = JSON.parse(props.value);
  (await mounted).train(kind, settings);
});
