// Puts the words, the sliders and the fields on the page.

const LINE_END = String.fromCharCode(10); // a backslash would not get through Gradio
const PASSED = {
  write: {
    title: "Write", equation: "(3), (4)",
    words: "Where it is, the head erases by e and adds a. This is memory after that.",
  },
  read: { title: "Read", equation: "(2)", words: "What the head reads, r, is memory after the writing, weighed by its weighting." },
};

function describe(scene) {
  const { run, head, step, chosen, stages, original } = scene;
  for (const [name, words] of Object.entries({ ...stageWords(stages), passed: PASSED[head.kind].words })) {
    setText(pictures[name].closest("section").querySelector(".words"), words);
    pictures[name].setAttribute("aria-label", words);
  }
  setText(part("passedTitle"), PASSED[head.kind].title);
  setText(part("passedEquation"), PASSED[head.kind].equation);
  const numbers = numbersOf(run, head, step, chosen), were = original && numbersOf(original, original.heads[view.head], step, chosen);
  for (const [name, group] of Object.entries(numbers)) showSliders(numberPlaces[name], group, were?.[name], setNumber);
  showField(keyRow, chosen.row + 1, run.width);
  showField(memoryRow, chosen.row + 1, run.width);
  showField(memorySlot, chosen.slot, run.slots - 1);
  showField(headSlot, peakOf(stages.weighting).slot, run.slots - 1);
  showHeads(scene);
  showZoom(scene);
  part("fixed").hidden = !run.byServer;
  headSlot.input.disabled = part("clear").disabled = Boolean(run.byServer);
  setText(part("clear"), "Clear slot " + chosen.slot);
  showTip(scene);
}

// A button a head, of which one is pressed in.
function showHeads({ run }) {
  const names = run.heads.map(({ name }) => name).join();
  if (headChoice.dataset.names !== names) {
    headChoice.dataset.names = names;
    headChoice.replaceChildren(...run.heads.map(makeHead));
  }
  headChoice.querySelectorAll("input")[view.head].checked = true;
}

function makeHead({ kind, name }, index) {
  const label = document.createElement("label");
  const radio = Object.assign(document.createElement("input"), { type: "radio", name: "head-" + headsId, value: index });
  radio.addEventListener("change", () => choose({ head: index }));
  label.className = kind;
  label.append(radio, name);
  return label;
}

function showZoom({ run }) {
  const zoom = part("zoom");
  zoom.hidden = run.usedSlots.count === run.slots;
  setText(zoom, "All " + run.slots + " slots");
  zoom.setAttribute("aria-pressed", view.allSlots);
}

// What every stage has for the slot under the pointer.
function showTip({ stages, hover }) {
  tip.hidden = hover === null;
  if (hover === null) return;
  const of = (name, values) => name + " " + values[hover].toFixed(3);
  const { similarity, content, before, gated, shifted, weighting } = stages;
  tip.textContent = [
    "slot " + hover, of("similarity", similarity), of("by content", content), of("was", before), of("gated", gated),
    of("shifted", shifted), of("weighting", weighting),
  ].join(LINE_END);
  tip.style.left = Math.max(0, Math.min(view.tipAt.x + 14, root.clientWidth - tip.offsetWidth - 4)) + "px";
  tip.style.top = view.tipAt.y + 16 + "px";
}
