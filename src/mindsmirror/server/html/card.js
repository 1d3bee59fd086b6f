// How a reply looks. Whatever a student or a person wrote becomes a text node and nothing else.

export const MEANING = {
  predict: "answers at once",
  think: "reasons, then answers",
  vote: "most frequent of several answers",
  mirror: "the answer whose rationales are surest",
};
const MOST_DOTS = 60;
const LONG = 24;
const SURE = [[0.9, "very sure"], [0.75, "fairly sure"], [0.5, "not sure"], [0, "probably wrong"]];

export function make(tag, look, ...children) {
  const element = document.createElement(tag);
  if (look) element.className = look;
  element.append(...children);
  return element;
}

const percent = (share) => `${Math.round(100 * share)}\u00a0%`;

/** A card that is filled while the reply comes. */
export class Card {
  constructor(mode) {
    this.mode = mode;
    this.began = performance.now();
    this.result = make("div", "result-of");
    this.said = make("p", "said", "waits for its turn …");
    this.text = make("p", "text");
    this.text.dir = "auto";
    this.foot = make("div", "");
    const head = make("h2", "", mode, make("span", "soft", MEANING[mode]));
    this.element = make("article", `card reply mode-${mode}`, head, this.result, this.said, this.text, this.foot);
    this.element.setAttribute("aria-label", `Reply in mode ${mode}`);
    this.element.setAttribute("aria-busy", "true");
  }

  /** A piece of what is written; a draft need not be what is elected. */
  hear({ text, draft }) {
    const several = draft && this.mode !== "think";
    this.said.textContent = several ? "the first of several rationales" : "it writes";
    this.text.classList.toggle("draft", Boolean(draft));
    this.text.classList.add("writing");
    this.text.append(text ?? draft);
    this.text.scrollTop = this.text.scrollHeight;
  }

  /** The whole reply. */
  show(reply, written) {
    this.#ends();
    this.element.classList.toggle("abstained", reply.abstained);
    this.result.replaceChildren(...answer(reply), ...sureness(reply));
    const shown = reply.rationale || (reply.answer === null ? written : "");
    const whose = reply.answered_by === "teacher" ? "the teacher's rationale" : "its rationale";
    this.said.textContent = reply.rationale ? whose : shown ? "what it wrote" : "";
    this.said.hidden = !shown;
    this.text.classList.remove("draft");
    this.text.textContent = shown;
    this.text.hidden = !shown;
    if (this.text.scrollHeight > this.text.clientHeight) {
      // What scrolls must be reachable by keyboard, and then needs a name.
      this.text.tabIndex = 0;
      this.text.setAttribute("role", "group");
      this.text.setAttribute("aria-label", "Rationale");
    }
    if (reply.p_correct !== null) {
      const sure = make("span", "soft", ` (${percent(reply.p_correct)} for “correct”)`);
      this.foot.append(make("p", "own", "Its own verdict on this rationale: ", make("b", "", reply.verdict), sure));
    }
    if (reply.teacher) this.foot.append(make("p", "own", sent(reply)));
    const seconds = (performance.now() - this.began) / 1000;
    this.foot.append(make("p", "took soft", `${seconds.toFixed(1)} s`));
  }

  /** Why there is no reply. */
  fail(message) {
    this.#ends();
    this.said.textContent = message;
  }

  #ends() {
    this.element.setAttribute("aria-busy", "false");
    this.text.classList.remove("writing");
  }
}

/** What became of a question that was sent to the teacher. */
function sent({ teacher, student }) {
  const { name, error } = teacher;
  if (!student) return `The teacher ${name} was asked and gave no answer: ${error}.`;
  const own = student.answer === null ? "gave no answer that can be read" : `would have said “${student.answer}”`;
  return `The student abstained (it ${own}), so the teacher ${name} answered.`;
}

function answer(reply) {
  if (reply.answer === null) return [make("p", "big none", "No answer can be read from its text")];
  const shown = make("p", reply.answer.length > LONG ? "big long" : "big", reply.answer);
  shown.dir = "auto";
  if (!reply.abstained) return [shown];
  return [make("p", "badge", "It abstains: it is less sure than the promised risk allows"), shown];
}

/** How sure it is, and what that has meant before. */
function sureness(reply) {
  if (reply.answer === null) return [];
  if (reply.answered_by === "teacher") return [make("p", "soft", "Nothing says how sure to be of a teacher's answer.")];
  if (reply.confidence === null) return [make("p", "soft", "It does not say how sure it is.")];
  const share = percent(reply.confidence);
  if (!reply.calibrated) {
    const what = reply.mode === "mirror" && reply.verdict !== null ? "of its votes, weighed by its own verdicts," : "of its votes";
    const line = make("p", "sureness", make("b", "", share), ` ${what} are for this answer`);
    return [line, scale(reply.confidence), make("p", "like soft", "No validation questions say what that is worth.")];
  }
  const word = SURE.find(([least]) => reply.confidence >= least)[1];
  const line = make("p", "sureness", make("b", "", word), `: right with a probability of ${share}`);
  return reply.alike ? [line, scale(reply.confidence), like(reply.alike)] : [line, scale(reply.confidence)];
}

function scale(share) {
  const bar = make("i", "");
  bar.style.width = `${100 * share}%`;
  const shown = make("div", "scale", bar);
  shown.setAttribute("aria-hidden", "true");
  return shown;
}

function like({ right, of, least, most }) {
  const span = percent(least) === percent(most) ? percent(least) : `${Math.round(100 * least)} to ${percent(most)}`;
  const words = `Of ${of} validation answers about this sure (${span}), ${right} ${right === 1 ? "was" : "were"} right.`;
  const shown = make("div", "like");
  if (of <= MOST_DOTS) {
    const dots = make("p", "dots", ...Array.from({ length: of }, (_, place) => make("i", place < right ? "" : "wrong")));
    dots.setAttribute("aria-hidden", "true");
    shown.append(dots);
  }
  shown.append(make("p", "soft", words));
  return shown;
}
