// The experiments on the page: one asks, shows the run that tells, and marks the answer by what happened in that run.

import { MEASURES } from "./measures.js";

const NOT_SHOWN = "The page could not show that. Try again in a moment.";
const NONE_OF_THESE = "It is none of these: the machine on show does something else.";
const PATIENCE = 5000, PAUSE = 200; // milliseconds until a tab is there, and between looking for it

// Takes over the card of experiments.html. `choose(query)` has the page show what a link says; the document's event
// "shown" tells that it does.
export async function mount(element, choose) {
  const all = await (await fetch(new URL("experiments.json", import.meta.url))).json();
  const experiments = all.filter(({ before }) => window.ntm.task(before.task));
  new Experiments(element, experiments, choose);
}

class Experiments {
  #element;
  #experiments;
  #choose;
  #experiment = null; // that is asked
  #chosen = null; // the key of the answer that was chosen
  #place = null; // what is to be shown: parameters of a link
  #shown = null; // the run that shows it, by its id; null until then
  #isMarked = false;
  #done = new Set();

  constructor(element, experiments, choose) {
    [this.#element, this.#experiments, this.#choose] = [element, experiments, choose];
    this.#part("next").addEventListener("click", () => this.#begin(this.#following()));
    this.#part("again").addEventListener("click", () => this.#begin(this.#experiment));
    this.#part("leave").addEventListener("click", () => this.#leave());
    this.#part("card").addEventListener("keydown", ({ key }) => key === "Escape" && this.#leave());
    document.addEventListener("experiments", () => this.#list());
    document.addEventListener("shown", () => this.#settle());
    document.addEventListener("run", () => this.#follow());
    this.#list();
    window.ntm.opened.then(() => this.#open(window.ntm.link.get("experiment")));
  }

  #part = (name) => this.#element.querySelector(`[data-part="${name}"]`);

  #open(name) {
    const named = this.#experiments.find((each) => each.name === name);
    if (named) this.#begin(named);
    else if (name !== null) window.ntm.tell(`There is no experiment “${name.slice(0, 40)}” here.`);
  }

  #following() {
    return this.#experiments[(this.#experiments.indexOf(this.#experiment) + 1) % this.#experiments.length];
  }

  // ---- asking -----------------------------------------------------------------------------------------------------

  #begin(experiment) {
    [this.#experiment, this.#chosen, this.#isMarked] = [experiment, null, false];
    const { asks, answers, group } = experiment, number = this.#experiments.indexOf(experiment) + 1;
    this.#part("place").textContent = `${group} · ${number} of ${this.#experiments.length}`;
    this.#part("asks").textContent = asks;
    this.#part("choices").replaceChildren(...answers.map((answer) => this.#makeChoice(answer)));
    this.#part("why").textContent = "";
    this.#part("again").hidden = true;
    this.#showCard(true);
    window.ntm.hold("experiment=" + experiment.name);
    this.#show(experiment.before);
    window.scrollTo({ top: 0 });
    this.#part("card").focus({ preventScroll: true });
  }

  // With the card the page looks otherwise, see page.css.
  #showCard(isShown) {
    this.#part("card").hidden = !isShown;
    document.documentElement.toggleAttribute("data-experiment", isShown);
  }

  #makeChoice({ key, says }) {
    const button = make("button", "", says);
    button.type = "button";
    button.dataset.key = key;
    button.addEventListener("click", () => this.#answer(key));
    return button;
  }

  #answer(key) {
    this.#chosen = key;
    for (const choice of this.#part("choices").children) choice.disabled = true;
    const { then, right } = this.#experiment;
    if (!then.tab) return this.#show(then);
    openTab(then);
    this.#mark({ key: right });
  }

  #leave() {
    [this.#experiment, this.#place] = [null, null];
    this.#showCard(false);
    window.ntm.hold(null);
    document.querySelector("#typed :is(textarea, input)")?.focus({ preventScroll: true });
  }

  // ---- showing ----------------------------------------------------------------------------------------------------

  #show(place) {
    [this.#place, this.#shown] = [place, null];
    this.#choose(new URLSearchParams(place).toString());
  }

  // What it chose has been asked: its run is on show, if there is one.
  #settle() {
    if (!this.#place || this.#shown !== null) return;
    if (!isOnShow(this.#place)) return this.#askAgain();
    window.ntm.reopen(this.#place);
    this.#shown = window.ntm.run.id;
    this.#follow();
  }

  #askAgain() {
    this.#part("why").textContent = NOT_SHOWN;
    this.#part("again").hidden = false;
  }

  // Every change of the run on show: another one ends the experiment, and what is measured may be there now.
  #follow() {
    const { run, original } = window.ntm.state;
    if (!this.#experiment || this.#shown === null) return;
    if (run.id !== this.#shown) return this.#leave();
    const { touch = null } = this.#place, isComplete = (run.touched ?? null) === touch;
    if (this.#chosen === null || this.#place !== this.#experiment.then || !isComplete || this.#isMarked) return;
    const found = MEASURES[this.#experiment.measure](run, original);
    if (found) this.#mark(found);
  }

  // ---- marking ----------------------------------------------------------------------------------------------------

  // Marks the answers by the key of the right one and the facts that its word why tells of.
  #mark({ key, ...facts }) {
    this.#isMarked = true;
    const right = this.#experiment.answers.find((each) => each.key === key), isRight = this.#chosen === key;
    for (const choice of this.#part("choices").children) {
      const { key: own } = choice.dataset;
      choice.className = own === key ? "right" : own === this.#chosen ? "wrong" : "";
    }
    const why = right ? right.why.replace(/{(\w+)}/g, (_, name) => facts[name]) : NONE_OF_THESE;
    this.#part("why").replaceChildren(make("b", "", isRight ? "Right." : "No."), " " + why);
    this.#part("again").hidden = false;
    this.#part("next").focus({ preventScroll: true });
    this.#done.add(this.#experiment);
    this.#list();
  }

  // ---- the list ---------------------------------------------------------------------------------------------------

  #list() {
    const groups = new Map();
    for (const each of this.#experiments) groups.set(each.group, [...(groups.get(each.group) ?? []), each]);
    const sections = [...groups].map(([group, experiments]) => {
      const section = document.createElement("section"), list = document.createElement("ul");
      list.append(...experiments.map((each) => this.#makeLink(each)));
      section.append(make("h3", "", group), list);
      return section;
    });
    document.querySelector("#experiments .experiments")?.replaceChildren(...sections);
  }

  #makeLink(experiment) {
    const item = document.createElement("li"), link = make("a", this.#done.has(experiment) ? "done" : "", experiment.asks);
    link.href = "?experiment=" + experiment.name;
    link.addEventListener("click", (event) => {
      if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      this.#begin(experiment);
    });
    item.append(link);
    return item;
  }
}

// Whether the run on show is that of a link's parameters, and can be touched where these do.
function isOnShow({ step, touch, ...asked }) {
  const shown = new URLSearchParams(window.ntm.query());
  return Object.entries(asked).every(([name, value]) => shown.get(name) === String(value)) && !(touch && window.ntm.run.byServer);
}

// Opens a tab of the page, and has its choice of a training set.
async function openTab({ tab, preset }) {
  [...document.querySelectorAll("#more [role=tab]")].find(({ textContent }) => textContent.trim() === tab).click();
  const find = () => document.querySelector(`#preset input[value="${preset}"]`);
  // A tab that has just opened may not listen yet.
  for (let left = PATIENCE; left > 0 && !find()?.checked; left -= PAUSE) {
    find()?.click();
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  find()?.scrollIntoView({ block: "center" });
}

function make(tag, name, text) {
  return Object.assign(document.createElement(tag), { className: name, textContent: text });
}
