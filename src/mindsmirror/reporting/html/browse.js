"use strict";
// The page of annotations at work: its table of filters and its keys.

const SHORTCUTS = { 1: ["right", "correct"], 2: ["right", "wrong"], 3: ["wrong", "correct"], 4: ["wrong", "wrong"] };

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
}

function toggle(right, judged) {
  const same = state.right === right && state.judged === judged;
  change(same ? { right: "", judged: "" } : { right, judged });
}

Object.assign(KEYBOARD, {
  p: () => change({ parse: state.parse ? "" : PROBLEM }),
  s: () => {
    const splits = [...part("split").options].map((option) => option.value);
    change({ split: splits[(splits.indexOf(state.split) + 1) % splits.length] });
  },
});
for (const [key, pair] of Object.entries(SHORTCUTS)) KEYBOARD[key] = () => toggle(...pair);

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

fill("split", tally((question) => [question.split]));
fill("parse", [...tally((question) => question.problems)].sort());
const clean = questions.filter((question) => !question.problems.length).length;
part("parse").options[1].append(` (${count(questions.length - clean)})`);
part("parse").options[2].append(` (${count(clean)})`);
hideEmpty();
part("table").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) toggle(button.dataset.right, button.dataset.judged);
});
begin(["split", "parse"]);
