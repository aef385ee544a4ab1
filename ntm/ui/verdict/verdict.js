// Shows how well the run on show went. Gradio calls this as a function body with `element`.

const part = (name) => element.querySelector('[data-part="' + name + '"]');
const BY_SERVER = "This browser cannot run the machine itself, so every run is the server's and takes longer.";

function show({ run, problem }) {
  const own = run && !problem && window.ntm.verdictOf(run), lstm = run && !problem && window.ntm.comparisonOf(run);
  part("own").className = "verdict" + (own ? (own.good ? " good" : " bad") : "");
  part("own").replaceChildren(...(own ? says("This machine", own) : []));
  if (own?.beyond) part("own").append(" ", make("span", "beyond", own.beyond));
  part("lstm").replaceChildren(...(lstm ? says("A plain LSTM", lstm) : [String.fromCharCode(160)]));
  part("remark").textContent = [own?.full, run?.byServer && BY_SERVER].filter((each) => each).join(" ");
}

function says(who, { said, score }) {
  if (!said) return [make("span", "who", who + ": "), make("span", "score", score)];
  const letters = said.map(({ text, wrong }) => (wrong ? make("mark", "", text) : text));
  const quoted = make("q", "said", "");
  quoted.append(...letters);
  return [make("span", "who", who + " says "), quoted, " ", make("span", "score", score)];
}

function make(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}

document.addEventListener("run", ({ detail }) => { if (element.isConnected) show(detail); });
if (window.ntm) show(window.ntm.state);
