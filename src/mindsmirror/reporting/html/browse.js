"use strict";
// The page at work: which question is shown, the table of filters, the address and the keys.

const SHORTCUTS = { 1: ["right", "correct"], 2: ["right", "wrong"], 3: ["wrong", "correct"], 4: ["wrong", "wrong"] };

const part = (id) => document.getElementById(id);
let state = readAddress(location.hash);
let found = { fitting: [] };
let place = 0;
let waiting = 0, writing = 0;

function drawQuestion() {
  const fitting = found.fitting, at = fitting.indexOf(place);
  const filtered = KEYS.slice(1).some((key) => state[key]);
  const some = fitting.length > 0;
  const gone = state.q && !places.has(state.q) ? `There is no question ${state.q}. ` : "";
  if (some) state.q = questions[place].id;
  part("count").textContent = gone + (some
    ? `Question ${count(at + 1)} of ${count(fitting.length)}${filtered ? ` that fit, ${count(questions.length)} in all` : ""}`
    : `No question fits, of ${count(questions.length)}`);
  part("previous").disabled = at <= 0;
  part("next").disabled = at + 1 >= fitting.length;
  const card = some ? questionCard(questions[place]) : make("p", "card", "No question fits these filters. Clear them with the key 0.");
  part("shown").replaceChildren(card);
  for (const text of part("shown").querySelectorAll(".text")) {
    // What scrolls must be reachable by keyboard, and then needs a name.
    if (text.scrollHeight <= text.clientHeight) continue;
    text.tabIndex = 0;
    text.setAttribute("role", "group");
    text.setAttribute("aria-label", text.dataset.label);
  }
  document.title = `${some ? `${questions[place].id} · ` : ""}${data.name} · Minds Mirror`;
  // Browsers refuse addresses that change too often; a key that is held down changes the question thirty times a second.
  clearTimeout(writing);
  writing = setTimeout(() => history.replaceState(null, "", writeAddress(state)), 300);
}

function drawFilters() {
  for (const button of part("table").querySelectorAll("button")) {
    const { right, judged } = button.dataset;
    button.setAttribute("aria-pressed", String(right === state.right && judged === state.judged));
    if (!right || !judged) continue;
    const at = cell(right, judged);
    const noun = judged === "none" ? "rationale" : "self-evaluation";
    button.querySelector("b").textContent = count(found.evaluations[at]);
    button.querySelector("small").textContent = `in ${count(found.within[at])}`;
    const name = `rationale ${right}, ${judged === "none" ? "not judged" : `judged ${judged}`}`;
    button.setAttribute("aria-label", `${name}: ${several(found.evaluations[at], noun)} in ${several(found.within[at], "question")}`);
  }
  for (const key of ["split", "parse"]) part(key).value = state[key];
  if (document.activeElement !== part("search")) part("search").value = state.search;
  part("clear").disabled = !KEYS.slice(1).some((key) => state[key]);
}

/** Take over what changed and show it; the question stays if it fits, else the next that does. */
function change(said) {
  Object.assign(state, said);
  found = select(state);
  if (places.has(state.q)) place = places.get(state.q);
  const fitting = found.fitting;
  place = fitting.find((other) => other >= place) ?? fitting.at(-1) ?? place;
  drawFilters();
  drawQuestion();
}

function toggle(right, judged) {
  const same = state.right === right && state.judged === judged;
  change(same ? { right: "", judged: "" } : { right, judged });
}

function step(to) {
  const fitting = found.fitting;
  if (!fitting.length) return;
  place = fitting[Math.min(Math.max(to(fitting.indexOf(place)), 0), fitting.length - 1)];
  state.q = questions[place].id;
  drawQuestion();
}

function clearFilters() {
  part("search").value = "";
  change({ right: "", judged: "", split: "", parse: "", search: "" });
}

const next = () => step((at) => at + 1);
const previous = () => step((at) => at - 1);
const KEYBOARD = {
  j: next, ArrowRight: next, k: previous, ArrowLeft: previous,
  g: () => step(() => 0), G: () => step(() => Infinity),
  p: () => change({ parse: state.parse ? "" : PROBLEM }),
  s: () => {
    const splits = [...part("split").options].map((option) => option.value);
    change({ split: splits[(splits.indexOf(state.split) + 1) % splits.length] });
  },
  0: clearFilters,
  "/": () => { part("filters").open = true; part("search").focus(); part("search").select(); },
  "?": () => part("help").showModal(),
};
for (const [key, pair] of Object.entries(SHORTCUTS)) KEYBOARD[key] = () => toggle(...pair);

function pressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || part("help").open) return;
  if (event.target === part("search") && ["Escape", "Enter"].includes(event.key)) {
    part("search").blur();
    event.preventDefault();
    return;
  }
  if (event.target.closest?.("input, select, textarea") || !Object.hasOwn(KEYBOARD, event.key)) return;
  event.preventDefault();
  KEYBOARD[event.key]();
}

function fill(id, counts) {
  for (const [value, number] of counts) {
    const option = make("option", "", `${plain(value)} (${count(number)})`);
    option.value = value;
    part(id).append(option);
  }
}

/** Rows and columns of the table of which the data has none are not shown; the four that decide always are. */
function hideEmpty() {
  const there = new Set(questions.flatMap((question) => question.cells));
  const hasRow = (right) => JUDGED.some((judged) => there.has(cell(right, judged)));
  const hasColumn = (judged) => RIGHT.some((right) => there.has(cell(right, judged)));
  for (const button of part("table").querySelectorAll("button")) {
    const { right, judged } = button.dataset;
    if (judged && !["correct", "wrong"].includes(judged) && !hasColumn(judged)) button.parentElement.hidden = true;
    if (right === "unknown" && !hasRow(right)) button.closest("tr").hidden = true;
  }
}

function begin() {
  fill("split", tally((question) => [question.split]));
  const clean = questions.filter((question) => !question.problems.length).length;
  fill("parse", [...tally((question) => question.problems)].sort());
  part("parse").options[1].append(` (${count(questions.length - clean)})`);
  part("parse").options[2].append(` (${count(clean)})`);
  hideEmpty();
  part("filters").open = matchMedia("(min-width: 64rem)").matches;
  part("table").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) toggle(button.dataset.right, button.dataset.judged);
  });
  for (const key of ["split", "parse"]) part(key).addEventListener("change", () => change({ [key]: part(key).value }));
  part("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => change({ search: part("search").value }), 150);
  });
  for (const [id, act] of Object.entries({ next, previous, clear: clearFilters, keys: KEYBOARD["?"] })) {
    part(id).addEventListener("click", act);
  }
  part("close").addEventListener("click", () => part("help").close());
  document.addEventListener("keydown", pressed);
  addEventListener("hashchange", () => { state = readAddress(location.hash); change({}); });
  change({});
}

begin();
