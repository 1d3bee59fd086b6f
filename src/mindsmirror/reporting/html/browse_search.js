"use strict";
// What every page to browse does with its data: places of questions, search, counts, and the address. Nothing here draws.
// A page says which KEYS its state has, and what `textsOf` a question can be found.

const data = JSON.parse(document.getElementById("data").textContent);
const questions = data.questions;
const places = new Map();
questions.forEach((question, place) => { if (!places.has(question.id)) places.set(question.id, place); });

/** The words of a search in lower case; what stands in quotes is one of them. */
function wordsOf(search) {
  const words = [...search.toLowerCase().matchAll(/"([^"]+)"|[^\s"]+/g)];
  return words.map((match) => match[1] || match[0]);
}

/** Whether all words are in what can be found of a question, which is put together when it is first looked for. */
function holds(question, words) {
  if (!words.length) return true;
  question.haystack ??= textsOf(question).filter(Boolean).join("\n").toLowerCase();
  return words.every((word) => question.haystack.includes(word));
}

/** How many questions have each of the values that `of` gives for a question, in the order of their appearance. */
function tally(of) {
  const counts = new Map();
  for (const question of questions) for (const value of of(question)) counts.set(value, (counts.get(value) || 0) + 1);
  return counts;
}

/** The state in an address; a value that is none of those `known` for its key is taken as not said. */
function readState(hash, known) {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  const state = Object.fromEntries(KEYS.map((key) => [key, said.get(key) || ""]));
  for (const [key, values] of Object.entries(known)) {
    state[key] = values.includes(state[key]) ? state[key] : "";
  }
  return state;
}

function writeAddress(state) {
  const said = new URLSearchParams(KEYS.filter((key) => state[key]).map((key) => [key, state[key]]));
  return `#${said}`;
}
