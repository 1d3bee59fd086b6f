"use strict";
// Which questions fit: the data, the state that the address holds, filters, search and counts. Nothing here draws.

const RIGHT = ["right", "wrong", "unknown"];
const JUDGED = ["correct", "wrong", "uncertain", "unparsed", "none"];
const KEYS = ["q", "right", "judged", "split", "parse", "search"];
const PROBLEM = "problem", CLEAN = "ok";

const data = JSON.parse(document.getElementById("annotations").textContent);
const questions = data.questions;
const places = new Map();
questions.forEach((question, place) => {
  question.cells = question.rationales.flatMap(cellsOf);
  question.problems = [...new Set(question.rationales.flatMap(problemsOf))];
  if (!places.has(question.id)) places.set(question.id, place);
});

function rightness(rationale) {
  return rationale.right === undefined ? "unknown" : rationale.right ? "right" : "wrong";
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

/** The words of a search in lower case; what stands in quotes is one of them. */
function wordsOf(search) {
  const words = [...search.toLowerCase().matchAll(/"([^"]+)"|[^\s"]+/g)];
  return words.map((match) => match[1] || match[0]);
}

/** All that can be found of a question, in lower case; made when it is first looked for. */
function haystack(question) {
  if (question.haystack === undefined) {
    const said = [question.id, question.text, question.gold];
    for (const rationale of question.rationales) {
      said.push(rationale.text, rationale.answer, rationale.reason);
      for (const evaluation of rationale.evaluations || []) said.push(evaluation.critique, evaluation.reason);
      for (const dual of rationale.duals || []) said.push(dual.text, dual.answer, dual.reason);
    }
    question.haystack = said.filter(Boolean).join("\n").toLowerCase();
  }
  return question.haystack;
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
    if (words.length && !words.every((word) => haystack(question).includes(word))) return;
    for (const found of question.cells) evaluations[found] += 1;
    for (const found of new Set(question.cells)) within[found] += 1;
    if (!(state.right || state.judged) || question.cells.some((found) => inCells(found, state.right, state.judged))) {
      fitting.push(place);
    }
  });
  return { fitting, evaluations, within };
}

/** How many questions have each of the values that `of` gives for a question, in the order of their appearance. */
function tally(of) {
  const counts = new Map();
  for (const question of questions) for (const value of of(question)) counts.set(value, (counts.get(value) || 0) + 1);
  return counts;
}

/** The state in an address; what it names that there is not (a split, a verdict) is taken as not said. */
function readAddress(hash) {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  const state = Object.fromEntries(KEYS.map((key) => [key, said.get(key) || ""]));
  const known = {
    right: RIGHT,
    judged: JUDGED,
    split: [...tally((question) => [question.split]).keys()],
    parse: [PROBLEM, CLEAN, ...tally((question) => question.problems).keys()],
  };
  for (const [key, values] of Object.entries(known)) {
    state[key] = values.includes(state[key]) ? state[key] : "";
  }
  return state;
}

function writeAddress(state) {
  const said = new URLSearchParams(KEYS.filter((key) => state[key]).map((key) => [key, state[key]]));
  return `#${said}`;
}
