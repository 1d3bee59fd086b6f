// The page at work: the question, the modes in which it is asked, the address and the keys.

import { about, ask, keepToken, Refusal } from "./ask.js";
import { Card, MEANING, make } from "./card.js";

const part = (id) => document.getElementById(id);
let student = null;
let running = null;

function readAddress() {
  const fields = new URLSearchParams(location.hash.slice(1));
  return { q: fields.get("q") ?? "", modes: (fields.get("mode") ?? "").split(","), choices: fields.get("choices") ?? "" };
}

function writeAddress() {
  const fields = new URLSearchParams({ q: part("question").value, mode: chosen().join(",") });
  if (choices().length) fields.set("choices", part("choices").value);
  history.replaceState(null, "", `#${fields}`);
  part("link").disabled = false;
}

const boxes = () => [...part("modes").querySelectorAll("input")];
const chosen = () => boxes().filter((box) => box.checked).map((box) => box.value);
const choices = () => part("choices").value.split("\n").map((line) => line.trim()).filter(Boolean);

function tell(text, fault = false) {
  part("status").textContent = text;
  part("status").classList.toggle("fault", fault);
}

function needToken(wrong) {
  part("with-token").hidden = false;
  tell(wrong ? "That token is not the server's." : "", true);
  part("token").focus();
}

async function begin(wrong = false) {
  try {
    student = await about();
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) needToken(wrong);
    else tell(`The server cannot be asked: ${error.message}`, true);
    return;
  }
  part("with-token").hidden = true;
  part("ask").hidden = false;
  tell("");
  part("name").textContent = student.id;
  document.title = `${student.id} · Minds Mirror`;
  const facts = { student: student.base, "trained for": student.task };
  part("about").replaceChildren(...Object.entries(facts).map(([what, value]) =>
    make("span", "", make("span", "soft", `${what} `), make("b", "", make("bdi", "", value)))));
  part("modes").append(...student.modes.map(modeBox));
  part("with-choices").hidden = student.answers !== "choice";
  follow();
}

function modeBox(mode) {
  const box = make("input", "");
  Object.assign(box, { type: "checkbox", value: mode, name: "mode" });
  const name = make("span", "", make("b", "", mode), mode === student.default_mode ? make("em", "", "preferred") : "");
  return make("label", `mode mode-${mode}`, box, name, make("span", "soft", MEANING[mode]));
}

/** Take over what the address says, and ask if it names a question. */
function follow() {
  const { q, modes, choices: listed } = readAddress();
  const known = student.modes.filter((mode) => modes.includes(mode));
  for (const box of boxes()) box.checked = (known.length ? known : [student.default_mode]).includes(box.value);
  part("question").value = q;
  part("choices").value = listed;
  if (q.trim()) askAll();
  else part("question").focus();
}

async function askAll() {
  const question = part("question").value.trim();
  const modes = chosen();
  if (!student) return;
  if (!question || !modes.length) {
    tell(question ? "Choose at least one way to answer." : "Write a question first.", true);
    (question ? boxes()[0] : part("question")).focus();
    return;
  }
  stop();
  const mine = (running = new AbortController());
  writeAddress();
  const cards = modes.map((mode) => new Card(mode));
  part("replies").replaceChildren(...cards.map((card) => card.element));
  part("replies").hidden = false;
  part("stop").hidden = false;
  tell("The student answers …");
  const replies = await Promise.all(cards.map((card) => askOne(card, question, mine.signal)));
  if (running !== mine) return;
  running = null;
  part("stop").hidden = true;
  tell(summary(replies.filter(Boolean), modes.length));
}

async function askOne(card, question, signal) {
  let written = "";
  try {
    const reply = await ask({ question, choices: choices(), mode: card.mode, signal }, (piece) => {
      written += piece.text ?? "";
      card.hear(piece);
    });
    card.show(reply, written);
    return reply;
  } catch (error) {
    card.fail(signal.aborted ? "stopped" : error.message);
    if (error instanceof Refusal && error.status === 401) needToken(true);
    return null;
  }
}

/** In words, for those who do not see the cards, and for those who compare them. */
function summary(replies, asked) {
  if (!replies.length) return "";
  const answers = [...new Set(replies.map((reply) => reply.answer ?? "no readable answer"))];
  if (asked === 1) return `Answer: ${answers[0]}`;
  if (answers.length === 1) return `All that answered agree: ${answers[0]}`;
  const groups = answers.map((answer) => {
    const modes = replies.filter((reply) => (reply.answer ?? "no readable answer") === answer).map((reply) => reply.mode);
    return `${answer} (${modes.join(", ")})`;
  });
  return `They differ: ${groups.join("; ")}`;
}

function stop() {
  running?.abort();
  running = null;
  part("stop").hidden = true;
}

async function copyLink() {
  if (part("link").disabled) return;
  try {
    await navigator.clipboard.writeText(location.href);
    tell("The link is copied. Whoever opens it must be able to reach this server.");
  } catch {
    tell(`The link is the address of this page: ${location.href}`);
  }
}

function pressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || part("help").open) return;
  const writes = event.target.closest?.("textarea, input:not([type=checkbox])");
  if (event.key === "Escape") {
    if (running) { stop(); tell("Stopped."); } else event.target.blur();
  } else if (event.key === "Enter" && event.target === part("question") && !event.shiftKey) askAll();
  else if (writes) return;
  else if (event.key === "/") { part("question").focus(); part("question").select(); }
  else if (event.key === "l") copyLink();
  else if (event.key === "?") part("help").showModal();
  else if (/^[1-9]$/.test(event.key)) boxes()[Number(event.key) - 1]?.click();
  else return;
  event.preventDefault();
}

part("ask").addEventListener("submit", (event) => { event.preventDefault(); askAll(); });
part("with-token").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(part("token").value.trim());
  part("token").value = "";
  if (student) { part("with-token").hidden = true; askAll(); } else begin(true);
});
part("stop").addEventListener("click", () => { stop(); tell("Stopped."); });
part("link").addEventListener("click", copyLink);
part("keys").addEventListener("click", () => part("help").showModal());
part("close").addEventListener("click", () => part("help").close());
document.addEventListener("keydown", pressed);
addEventListener("hashchange", () => { if (student) follow(); });
begin();
