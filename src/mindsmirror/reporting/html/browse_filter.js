"use strict";
// Which annotated questions fit: filters, and counts by gold and verdict. Nothing here draws.

const JUDGED = ["correct", "wrong", "uncertain", "unparsed", "none"];
const KEYS = ["q", "right", "judged", "split", "parse", "search"];
const PROBLEM = "problem", CLEAN = "ok";

for (const question of questions) {
  question.cells = question.rationales.flatMap(cellsOf);
  question.problems = [...new Set(question.rationales.flatMap(problemsOf))];
}

function cell(right, judged) {
  return RIGHT.indexOf(right) * JUDGED.length + JUDGED.indexOf(judged);
}

/** A rationale's cells of the table: one for each self-evaluation, or that of "not judged". */
function cellsOf(rationale) {
  const right = rightness(rationale), said = rationale.evaluations || [];
  return said.length ? said.map((evaluation) => cell(right, evaluation.verdict)) : [cell(right, "none")];
}

function problemsOf(rationale) {
  const found = rationale.parse ? [rationale.parse] : [];
  for (const evaluation of rationale.evaluations || []) {
    if (evaluation.parse) found.push(evaluation.parse);
    else if (evaluation.verdict === "unparsed") found.push("no_verdict");
  }
  for (const dual of rationale.duals || []) if (dual.parse) found.push(dual.parse);
  return found;
}

/** Whether a cell is one of those that are asked for; an empty right or judged stands for any. */
function inCells(found, right, judged) {
  return (!right || RIGHT[Math.floor(found / JUDGED.length)] === right)
    && (!judged || JUDGED[found % JUDGED.length] === judged);
}

/** All that can be found of a question. */
function textsOf(question) {
  const said = [question.id, question.text, question.gold];
  for (const rationale of question.rationales) {
    said.push(rationale.text, rationale.answer, rationale.reason);
    for (const evaluation of rationale.evaluations || []) said.push(evaluation.critique, evaluation.reason);
    for (const dual of rationale.duals || []) said.push(dual.text, dual.answer, dual.reason);
  }
  return said;
}

function parses(question, wanted) {
  if (!wanted) return true;
  if (wanted === PROBLEM) return question.problems.length > 0;
  return wanted === CLEAN ? !question.problems.length : question.problems.includes(wanted);
}

/**
 * Places of the questions that fit, and for each cell its self-evaluations and its questions.
 * The cells count what fits all other filters, so that each says what a click on it would show.
 */
function select(state) {
  const words = wordsOf(state.search);
  const evaluations = new Array(RIGHT.length * JUDGED.length).fill(0), within = evaluations.slice();
  const fitting = [];
  questions.forEach((question, place) => {
    if (state.split && question.split !== state.split) return;
    if (!parses(question, state.parse)) return;
    if (!holds(question, words)) return;
    for (const found of question.cells) evaluations[found] += 1;
    for (const found of new Set(question.cells)) within[found] += 1;
    if (!(state.right || state.judged) || question.cells.some((found) => inCells(found, state.right, state.judged))) {
      fitting.push(place);
    }
  });
  return { fitting, evaluations, within };
}

function readAddress(hash) {
  return readState(hash, {
    right: RIGHT,
    judged: JUDGED,
    split: [...tally((question) => [question.split]).keys()],
    parse: [PROBLEM, CLEAN, ...tally((question) => question.problems).keys()],
  });
}
