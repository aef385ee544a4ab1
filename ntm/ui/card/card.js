// Makes a card of the run on show when the page asks for one, by the document's event "card". Gradio calls this as a
// function body with `element`.

const part = (name) => element.querySelector('[data-part="' + name + '"]');

document.addEventListener("card", async () => {
  const { run, original } = window.ntm?.state ?? {};
  if (!run || !element.isConnected) return;
  const words = window.ntm.wordsOf(run), background = getComputedStyle(element).getPropertyValue("--body-background-fill");
  const canvas = drawCard(prepareRun(run, original), words, window.ntm.address(), paletteOf(element), background);
  const address = URL.createObjectURL(await canvas.convertToBlob());
  URL.revokeObjectURL(part("picture").src);
  part("picture").src = part("save").href = address;
  part("picture").alt = words.heading + ". " + words.caption;
  part("save").download = "ntm-" + run.question.task + "-card.png";
  part("card").hidden = false;
});
