"use strict";
// The page of predictions at work: its table of filters and its keys.

function drawFilters() {
  for (const button of part("table").querySelectorAll("button")) {
    const { arm, mode, right } = button.dataset;
    button.setAttribute("aria-pressed", String(arm === state.arm && mode === state.mode && right === state.right));
    if (!mode || !right) continue;
    const number = found.counts.get(cellName(arm, mode, right)) || 0;
    button.querySelector("b").textContent = count(number);
    button.setAttribute("aria-label", `${data.arms[arm]}, mode ${mode}, ${right}: ${several(number, "question")}`);
  }
  for (const key of ["abstained", "differ"]) part(key).value = state[key];
}

function toggle(arm, mode, right) {
  const same = state.arm === arm && state.mode === mode && state.right === right;
  change(same ? { arm: "", mode: "", right: "" } : { arm, mode, right });
}

Object.assign(KEYBOARD, {
  1: () => change({ right: state.right === "right" ? "" : "right" }),
  2: () => change({ right: state.right === "wrong" ? "" : "wrong" }),
  d: () => change({ differ: state.differ ? "" : "any" }),
  a: () => change({ abstained: state.abstained ? "" : "yes" }),
  m: () => {
    const modes = ["", ...MODES];
    change({ mode: modes[(modes.indexOf(state.mode) + 1) % modes.length] });
  },
});

/** The column of answers that nobody knows to be right or wrong is shown only if there are any. */
function hideUnknown() {
  const answers = questions.flatMap((question) => question.said.flatMap((said) => Object.values(said.modes)));
  if (answers.some((answer) => answer.right === undefined)) return;
  for (const button of part("table").querySelectorAll('[data-right="unknown"]')) button.parentElement.hidden = true;
  for (const heading of part("table").querySelectorAll("[colspan]")) heading.colSpan -= 1;
}

const pairs = tally((question) => [...new Set(question.said.flatMap(differences))]);
for (const [pair, number] of pairs) {
  const [ahead, behind] = pair.split(">");
  const option = make("option", "", `${ahead} right, ${behind} wrong (${count(number)})`);
  option.value = pair;
  part("differ").append(option);
}
const differing = questions.filter((question) => question.said.some((said) => differences(said).length));
part("differ").options[1].append(` (${count(differing.length)})`);
hideUnknown();
part("table").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) toggle(button.dataset.arm, button.dataset.mode, button.dataset.right);
});
begin(["abstained", "differ"]);
