// Puts the words on the page: the lines above the drawings, the tables below them, and the tip at the pointer. What they
// say is made in words.js.

let listed = null; // the run whose steps are listed, while they are

function setText(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

function describe({ run, step, bit, link }) {
  const words = stepWords(run, step);
  const lines = headLines(run, step);
  setText(part("status"), words);
  scrubber.setAttribute("aria-valuetext", "step " + (step + 1) + " of " + run.steps);
  showLines(part("heads"), lines);
  // Said once the machine stands still: eight sentences a second help nobody.
  if (!view.playing) setText(part("heard"), [words, ...lines.map(({ text }) => text)].join(" "));
  part("link").hidden = !link;
  if (link) {
    setText(part("linkText"), linkWords(run, step, link, bit));
    setText(part("follow"), "Go to step " + (link.step + 1));
  }
  part("changed").hidden = !run.originalOutputs;
  if (part("slots").open) showTable(part("slotsTable"), slotTitles(run), slotRows(run, step));
  if (part("steps").open && listed !== run) showTable(part("stepsTable"), stepTitles(run), stepRows(run));
  listed = part("steps").open ? run : null;
}

function showLines(list, lines) {
  while (list.children.length < lines.length) list.append(document.createElement("li"));
  while (list.children.length > lines.length) list.lastChild.remove();
  lines.forEach(({ kind, text }, index) => {
    list.children[index].className = kind;
    setText(list.children[index], text);
  });
}

function showTable(table, titles, rows) {
  table.replaceChildren(document.createElement("thead"), document.createElement("tbody"));
  showRows(table.tHead, [titles], "col");
  showRows(table.tBodies[0], rows);
}

// Rows of cells, of which those in the first place head their row, or all of them their column.
function showRows(body, rows, scope = "row") {
  const cell = (text, index) => {
    const heads = scope === "col" || index === 0, made = document.createElement(heads ? "th" : "td");
    if (heads) made.scope = scope;
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
