// Asks the server: what models there are, and a question whose reply comes in pieces.

/** A refusal in the server's own words. */
export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const TOKEN = "mindsmirror-token";

export function keepToken(token) {
  sessionStorage.setItem(TOKEN, token);
}

async function request(path, more = {}) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  const response = await fetch(path, { ...more, headers });
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  throw new Refusal(response.status, said.error?.message ?? `The server answered with ${response.status}.`);
}

/** What the server says of its student. */
export async function about() {
  const { data } = await (await request("/v1/models")).json();
  return { id: data[0].id, ...data[0].mindsmirror };
}

/** Ask in one mode; `heard` is given each piece, `{text}` or `{draft}`. Returns the extension of the reply. */
export async function ask({ question, choices, mode, signal }, heard) {
  const wishes = choices.length ? { mode, choices } : { mode };
  const body = { messages: [{ role: "user", content: question }], stream: true, mindsmirror: wishes };
  const response = await request("/v1/chat/completions", { method: "POST", body: JSON.stringify(body), signal });
  let reply = null;
  for await (const document of events(response.body)) {
    if (document.error) throw new Refusal(500, document.error.message);
    const choice = document.choices[0];
    if (choice?.delta.content) heard({ text: choice.delta.content });
    if (choice?.mindsmirror?.first_rationale) heard({ draft: choice.mindsmirror.first_rationale });
    if (choice?.finish_reason) reply = choice.mindsmirror;
  }
  if (!reply) throw new Refusal(500, "The reply broke off.");
  return reply;
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const data = block.slice("data: ".length);
      if (data !== "[DONE]") yield JSON.parse(data);
    }
  }
}
