"use strict";
// Which test questions fit: filters over answers, and counts by arm, mode and right or wrong. Nothing here draws.

const KEYS = ["q", "arm", "mode", "right", "abstained", "differ", "search"];
const MODES = [...new Set(questions.flatMap((question) => question.said.flatMap((said) => Object.keys(said.modes))))];

/** All that can be found of a question. */
function textsOf(question) {
  const found = [question.id, question.text, question.gold, ...Object.values(question.choices || {})];
  for (const said of question.said) {
    for (const answer of Object.values(said.modes)) found.push(answer.answer, answer.text);
    for (const sample of said.samples || []) found.push(sample.text, sample.answer);
  }
  return found;
}

/** The arms that a filter leaves; its value is an arm's place. */
function armsOf(state) {
  return data.arms.map((_, place) => place).filter((place) => state.arm === "" || Number(state.arm) === place);
}

/** Whether an answer is one of those that are asked for. */
function isAsked(state, arm, mode, answer) {
  return (state.arm === "" || Number(state.arm) === arm)
    && (!state.mode || state.mode === mode)
    && (!state.right || state.right === rightness(answer))
    && (!state.abstained || (state.abstained === "yes") === Boolean(answer.abstained));
}

/** Pairs of modes of one arm of which one has a question right and the other wrong: "mirror>vote". */
function differences(said) {
  const known = Object.entries(said.modes).filter(([, answer]) => answer.right !== undefined);
  return known.flatMap(([mode, answer]) =>
    known.filter(([, other]) => answer.right && !other.right).map(([other]) => `${mode}>${other}`));
}

function differs(question, state) {
  if (!state.differ) return true;
  const found = armsOf(state).flatMap((arm) => differences(question.said[arm]));
  return state.differ === "any" ? found.length > 0 : found.includes(state.differ);
}

const cellName = (arm, mode, right) => `${arm} ${mode} ${right}`;

/** Places of the questions that fit, and for each arm, mode and rightness how many answers fit the other filters. */
function select(state) {
  const words = wordsOf(state.search), fitting = [], counts = new Map();
  const open = { ...state, arm: "", mode: "", right: "" };
  questions.forEach((question, place) => {
    if (!holds(question, words) || !differs(question, state)) return;
    let fits = false;
    question.said.forEach((said, arm) => {
      for (const [mode, answer] of Object.entries(said.modes)) {
        const name = cellName(arm, mode, rightness(answer));
        if (isAsked(open, arm, mode, answer)) counts.set(name, (counts.get(name) || 0) + 1);
        fits ||= isAsked(state, arm, mode, answer);
      }
    });
    if (fits) fitting.push(place);
  });
  return { fitting, counts };
}

function readAddress(hash) {
  return readState(hash, {
    arm: data.arms.map((_, place) => String(place)),
    mode: MODES,
    right: RIGHT,
    abstained: ["yes", "no"],
    differ: ["any", ...tally((question) => question.said.flatMap(differences)).keys()],
  });
}
