"use strict";
// The reader of every page to browse: which question is shown, the address, the keys and the search.
// A page gives `select`, `questionCard`, `drawFilters`, `readAddress` and keys of its own.

const part = (id) => document.getElementById(id);
let state = readAddress(location.hash);
let found = { fitting: [] };
let place = 0;
let waiting = 0, writing = 0;

const filtered = () => KEYS.slice(1).some((key) => state[key]);

function drawQuestion() {
  const fitting = found.fitting, at = fitting.indexOf(place);
  const some = fitting.length > 0;
  const gone = state.q && !places.has(state.q) ? `There is no question ${state.q}. ` : "";
  if (some) state.q = questions[place].id;
  part("count").textContent = gone + (some
    ? `Question ${count(at + 1)} of ${count(fitting.length)}${filtered() ? ` that fit, ${count(questions.length)} in all` : ""}`
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

/** Take over what changed and show it; the question stays if it fits, else the next that does. */
function change(said) {
  Object.assign(state, said);
  found = select(state);
  if (places.has(state.q)) place = places.get(state.q);
  const fitting = found.fitting;
  place = fitting.find((other) => other >= place) ?? fitting.at(-1) ?? place;
  if (document.activeElement !== part("search")) part("search").value = state.search;
  part("clear").disabled = !filtered();
  drawFilters();
  drawQuestion();
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
  change(Object.fromEntries(KEYS.slice(1).map((key) => [key, ""])));
}

const next = () => step((at) => at + 1);
const previous = () => step((at) => at - 1);
const KEYBOARD = {
  j: next, ArrowRight: next, k: previous, ArrowLeft: previous,
  g: () => step(() => 0), G: () => step(() => Infinity),
  0: clearFilters,
  "/": () => { part("filters").open = true; part("search").focus(); part("search").select(); },
  "?": () => part("help").showModal(),
};

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

/** Everything that all pages have is set to work; `selects` are the ids of fields that stand for a key each. */
function begin(selects) {
  part("filters").open = matchMedia("(min-width: 64rem)").matches;
  for (const key of selects) part(key).addEventListener("change", () => change({ [key]: part(key).value }));
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
