// Shows why what is asked cannot be run. Gradio calls this as a function body with `element`.

const place = element.querySelector("[data-part=problem]");

function show({ problem, notice }) {
  const words = document.createElement("p");
  words.className = "problem";
  words.setAttribute("role", "alert");
  words.textContent = problem ?? notice;
  place.replaceChildren(...(words.textContent ? [words] : []));
}

document.addEventListener("run", ({ detail }) => show(detail));
if (window.ntm) show(window.ntm.state);
