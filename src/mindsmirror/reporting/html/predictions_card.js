"use strict";
// How a test question looks: gold, and for each arm its answer in every mode and the samples that it voted over.

function probability(label, value) {
  return value === undefined ? "" : make("span", "soft sure", `${label} ${value.toFixed(2)}`);
}

function answerLine(said) {
  const answer = said.answer === undefined
    ? [make("i", "soft", said.parse ? plain(said.parse) : "no readable answer")]
    : [make("span", "soft", "answer "), make("bdi", "", ...marked(said.answer))];
  return make("p", "answer", ...answer);
}

function modeBox(arm, mode, answer) {
  const right = rightness(answer), fits = (state.mode || state.right || state.abstained) && isAsked(state, arm, mode, answer);
  const result = right === "unknown" ? "not known if right" : right;
  const head = make("p", "who", sign("", SIGNS[right]), " ", make("b", "", mode), " ", make("span", "result", result));
  if (answer.abstained) head.append(" ", make("span", "hit", "abstained"));
  const shown = make("section", `voice ${right}${fits ? " fits" : ""}`, head, answerLine(answer));
  shown.setAttribute("aria-label", `${data.arms[arm]}, mode ${mode}: ${result}`);
  shown.append(make("p", "soft small", probability(answer.calibrated ? "confidence" : "share of votes", answer.confidence), " ",
    make("span", "sure", several(answer.tokens, "token"))));
  // What vote and mirror chose is one of the samples below.
  if (answer.text && !["vote", "mirror"].includes(mode)) shown.append(prose(answer.text, "", "rationale"));
  return shown;
}

function sampleBox(sample, number) {
  const right = rightness(sample);
  const head = make("p", "who", sign("", SIGNS[right]), " ", make("b", "", `sample ${number}`), " ");
  head.append(make("span", "result", right === "unknown" ? "" : right));
  const shown = make("section", `voice ${right}`, head, answerLine(sample));
  const judged = sample.p === undefined ? "" : sample.p > 0.5 ? "its verdict: correct" : "its verdict: wrong";
  if (judged) {
    const agrees = right !== "unknown" && (sample.p > 0.5) === (right === "right");
    const look = right === "unknown" ? "" : agrees ? "agrees" : "errs";
    shown.append(make("p", "said", make("span", look, judged), " ", probability("p of correct", sample.p)));
  }
  shown.append(make("p", "soft small", probability("confidence", sample.confidence)), prose(sample.text, "", "sample"));
  return shown;
}

function armPart(arm, said) {
  const title = data.arms[arm] === "untrained" ? "untrained student" : data.arms[arm];
  const shown = make("section", "arm-part", make("h3", "", make("bdi", "", title)));
  const modes = Object.entries(said.modes).map(([mode, answer]) => modeBox(arm, mode, answer));
  shown.append(make("div", "voices rationales", ...modes));
  if (said.samples) {
    const right = said.samples.filter((sample) => sample.right).length;
    const known = said.samples.some((sample) => sample.right !== undefined);
    const told = `${several(said.samples.length, "sample")}${known ? `, ${right} right` : ""}`;
    const samples = make("details", "samples", make("summary", "", told));
    samples.open = true;
    samples.append(make("div", "voices rationales", ...said.samples.map(sampleBox)));
    shown.append(samples);
  }
  return shown;
}

function questionCard(question) {
  const link = make("a", "soft link", "link to this");
  link.id = "here";
  link.href = writeAddress(state);
  const name = make("h2", "", make("bdi", "", ...marked(question.id)));
  const card = make("article", "example", make("header", "", name, link), prose(question.text, "question", "question"));
  for (const [letter, choice] of Object.entries(question.choices || {})) card.append(prose(`(${letter}) ${choice}`, "choice-text", "choice"));
  const gold = question.gold === undefined ? "not known" : make("bdi", "", ...marked(question.gold));
  card.append(make("p", "gold", make("span", "soft", "gold "), gold));
  card.append(...armsOf(state).map((arm) => armPart(arm, question.said[arm])));
  return card;
}
