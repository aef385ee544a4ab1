// The run on show as the query of the page's address, which opens it again on any host (read by ntm/ui/links.py).

const LINE_BREAK = "~"; // it needs no escape in an address, and nothing that can be asked holds one
const SECONDS_BETWEEN = 0.3; // browsers refuse an address that changes with every frame

let newest = null; // the query that the address is to have
let written = location.search;
let isPlace = false; // whether what the address says has been on show: nobody is to come back to what cannot be

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

// Has the address follow, soon. Another task or experiment is a place to come back from.
export function showQuery(query) {
  isPlace ||= placeOf(query) === placeOf(location.search);
  if (newest === null) setTimeout(writeNewest, 1000 * SECONDS_BETWEEN);
  newest = query;
}

function writeNewest() {
  const isElsewhere = isPlace && placeOf(newest) !== placeOf(location.search);
  history[isElsewhere ? "pushState" : "replaceState"](history.state, "", "?" + newest + location.hash);
  [written, newest, isPlace] = [location.search, null, true];
}

function placeOf(query) {
  const parts = new URLSearchParams(query);
  return parts.get("experiment") ?? parts.get("task");
}

// Has the browser's Back and Forward open what was there: the page opens what its address says.
export function followBack() {
  addEventListener("popstate", () => { if (location.search !== written) location.reload(); });
}
