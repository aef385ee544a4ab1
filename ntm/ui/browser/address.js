// The run on show as the query of the page's address, which opens it again on any host (read by ntm/ui/links.py).

const LINE_BREAK = "~"; // it needs no escape in an address, and nothing that can be asked holds one
const SECONDS_BETWEEN = 0.3; // browsers refuse an address that changes with every frame

let newest = null;

export function queryOf({ asked, question }, step, touch = null) {
  const parts = {
    task: question.task,
    ...(asked.word === null ? { input: question.text.trim().split(/\r\n|\r|\n/).join(LINE_BREAK) } : { word: asked.word }),
    number: question.number,
    slots: asked.slots,
    update: asked.update,
    step,
    touch,
  };
  const given = Object.entries(parts).filter(([, value]) => value !== null);
  return new URLSearchParams(given).toString().replaceAll("%7E", LINE_BREAK);
}

// Has the address follow, soon.
export function showQuery(query) {
  if (newest === null) setTimeout(writeNewest, 1000 * SECONDS_BETWEEN);
  newest = query;
}

function writeNewest() {
  history.replaceState(history.state, "", "?" + newest + location.hash);
  newest = null;
}
