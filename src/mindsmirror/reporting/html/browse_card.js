"use strict";
// How a question looks: gold, its rationales and their self-evaluations.

/** Why there is no answer, in place of one. */
function lost(said) {
  const why = make("i", "soft", plain(said.parse || "no_answer"));
  return said.reason ? [why, make("span", "soft", ": "), make("bdi", "soft reason", ...marked(said.reason))] : [why];
}

function repaired(record) {
  return record.repairs ? make("span", "soft", ` asked again ${several(record.repairs, "time")}`) : "";
}

/** Whether gold bears a verdict out, in words; nothing where one of them decides nothing. Of the critique it says nothing. */
function agreement(right, verdict) {
  if (right === "unknown" || !["correct", "wrong"].includes(verdict)) return "";
  const agrees = (right === "right") === (verdict === "correct");
  return make("span", agrees ? "agrees" : "errs", sign("", agrees ? "✓" : "✗"), " ", agrees ? "verdict as gold" : "verdict against gold");
}

function evaluationItem(evaluation, right) {
  const line = make("p", "said", make("span", "soft", "judged "), make("b", "", evaluation.verdict), " ");
  line.append(make("span", "soft", evaluation.source), " ", agreement(right, evaluation.verdict), repaired(evaluation));
  if (data.teachers.length > 1) line.append(" ", make("bdi", "soft who-by", data.teachers[evaluation.teacher]));
  const shown = make("li", "evaluation", line);
  if (evaluation.parse) {
    const reason = evaluation.reason ? ` (${evaluation.reason})` : "";
    shown.append(make("p", "soft", make("bdi", "", `critique did not parse: ${plain(evaluation.parse)}${reason}`)));
  }
  if (evaluation.critique) shown.append(make("p", "soft small unchecked", "critique, not checked by anything"), prose(evaluation.critique, "critique", "critique"));
  return shown;
}

/** What a teacher that knew the answer made of the rationale. */
function dual(said) {
  const right = rightness(said), shown = make("section", `dual ${right}`);
  const head = make("p", "said", sign(right, SIGNS[right]), " ", make("b", "", said.kind), repaired(said), " ");
  head.append(...(said.answer === undefined ? lost(said) : [make("span", "soft", "answer "), make("bdi", "", ...marked(said.answer))]));
  shown.append(head);
  if (said.text) shown.append(prose(said.text, "critique", said.kind));
  return shown;
}

function rationale(said) {
  const right = rightness(said), evaluations = said.evaluations || [];
  const result = said.parse ? "did not parse" : right === "unknown" ? "not known if right" : right;
  const head = make("p", "who", sign("", SIGNS[right]), " ", make("b", "", `sample ${said.sample}`), " ");
  head.append(make("span", "result", result), repaired(said));
  if (data.teachers.length > 1) head.append(" ", make("bdi", "soft who-by", data.teachers[said.teacher]));
  const hit = (state.right || state.judged) && cellsOf(said).some((c) => inCells(c, state.right, state.judged));
  if (hit) head.append(make("span", "hit", "fits the filter"));
  const written = said.answer === undefined ? [] : [make("span", "soft", "answer "), make("bdi", "", ...marked(said.answer))];
  const shown = make("section", `voice ${right}${hit ? " fits" : ""}`, head);
  shown.setAttribute("aria-label", `Rationale, sample ${said.sample}: ${result}`);
  shown.append(make("p", "answer", ...(written.length ? written : lost(said))));
  if (said.text) shown.append(prose(said.text, "", "rationale"));
  if (evaluations.length) shown.append(make("ul", "evaluations", ...evaluations.map((e) => evaluationItem(e, right))));
  else shown.append(make("p", "soft evaluation", "not judged"));
  shown.append(...(said.duals || []).map(dual));
  return shown;
}

function questionCard(question) {
  const known = question.rationales.filter((said) => said.right !== undefined);
  const answers = new Set(question.rationales.map((said) => said.answer).filter((answer) => answer !== undefined));
  const facts = [several(question.rationales.length, "rationale"), `${several(answers.size, "distinct answer")} as written`];
  if (known.length) facts.splice(1, 0, `${count(known.filter((said) => said.right).length)} right`);
  const name = make("h2", "", make("bdi", "", ...marked(question.id)), " ", make("span", "soft", question.split));
  const link = make("a", "soft link", "link to this");
  link.id = "here";
  link.href = writeAddress(state);
  const card = make("article", "example", make("header", "", name, link), prose(question.text, "question", "question"));
  const gold = question.gold === undefined ? "not known" : make("bdi", "", ...marked(question.gold));
  card.append(make("p", "gold", make("span", "soft", "gold "), gold, make("span", "soft tally", facts.join(" · "))));
  card.append(make("div", "voices rationales", ...question.rationales.map(rationale)));
  return card;
}
