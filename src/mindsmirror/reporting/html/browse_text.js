"use strict";
// How text is shown, on every page to browse: as text nodes only, whoever wrote it, with the words of a search marked.

const MOST_MARKS = 300;
const SIGNS = { right: "✓", wrong: "✗", unknown: "?" };
const RIGHT = Object.keys(SIGNS);

function make(tag, look, ...children) {
  const element = document.createElement(tag);
  if (look) element.className = look;
  element.append(...children);
  return element;
}

function count(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

function several(number, word) {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

function plain(word) {
  return word.replaceAll("_", " ");
}

/** A text as it stands, with the words of the search marked in it. */
function marked(text) {
  const words = wordsOf(state.search);
  if (!words.length) return [text];
  const pattern = new RegExp(words.map((word) => word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|"), "giu");
  const pieces = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (pieces.length > 2 * MOST_MARKS) break;
    pieces.push(text.slice(end, match.index), make("mark", "", match[0]));
    end = match.index + match[0].length;
  }
  return [...pieces, text.slice(end)];
}

function prose(text, look, label) {
  const shown = make("p", `text ${look}`, ...marked(text));
  shown.dir = "auto";
  shown.dataset.label = label;
  return shown;
}

function sign(look, mark) {
  const shown = make("span", `sign ${look}`, mark);
  shown.setAttribute("aria-hidden", "true");
  return shown;
}

function rightness(said) {
  return said.right === undefined ? "unknown" : said.right ? "right" : "wrong";
}
