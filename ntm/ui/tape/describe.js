// Puts the words on the page: the lines above the drawings, the numbers below them, and the tip at the pointer. What they
// say is made in words.js.

function setText(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

function describe({ run, step, bit, link }) {
  const words = stepWords(run, step);
  setText(part("status"), words);
  scrubber.setAttribute("aria-valuetext", words);
  showLines(part("heads"), headLines(run, step));
  part("link").hidden = !link;
  if (link) {
    setText(part("linkText"), linkWords(run, step, link, bit));
    setText(part("follow"), "Go to step " + (link.step + 1));
  }
  part("changed").hidden = !run.originalOutputs;
  if (part("numbers").open) showNumbers(part("numbersBody"), headNumbers(run, step));
}

function showLines(list, lines) {
  while (list.children.length < lines.length) list.append(document.createElement("li"));
  while (list.children.length > lines.length) list.lastChild.remove();
  lines.forEach(({ kind, text }, index) => {
    list.children[index].className = kind;
    setText(list.children[index], text);
  });
}

function showNumbers(body, rows) {
  const cell = (text, index) => {
    const made = document.createElement(index ? "td" : "th");
    made.textContent = text;
    return made;
  };
  body.replaceChildren(
    ...rows.map((cells) => {
      const row = document.createElement("tr");
      row.append(...cells.map(cell));
      return row;
    }),
  );
}

function showTip(scene, hover) {
  const text = hover ? tipWords(scene, hover) : "";
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  tip.style.left = Math.max(0, Math.min(hover.atX + 14, document.body.clientWidth - tip.offsetWidth - 4)) + "px";
  tip.style.top = hover.atY + 16 + "px";
}

function tipWords(scene, { canvas, x, y }) {
  const { run } = scene;
  if (canvas === memoryCanvas) {
    const under = slotUnder(scene, x, y);
    return under ? slotWords(run, scene.step, under.slot, under.column) : "";
  }
  const { step, strip, row } = stepUnder(scene, x, y);
  if (!strip || step < 0 || step >= run.steps) return "";
  if (strip.kind) return weightWords(run, strip.kind, step, slotAt(scene, row));
  return cellWords(run, strip.name, strip.outputs, step, row);
}
