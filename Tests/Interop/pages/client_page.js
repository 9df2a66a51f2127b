// Asks the test's server what to do next, does it, and answers. Several things may be under way at once.
const query = new URLSearchParams(location.search);
const steering = query.get("steering");
const page = query.get("page");
const load = crypto.randomUUID();
const AsyncFunction = (async () => {}).constructor;

/** What clients got, by the names they were begun with. */
globalThis.readings = {};

/**
 * Begins a client that reads `topics`, and keeps all that it says.
 * @param {string} name what the test calls it
 * @param {string|string[]} topics what it subscribes to
 * @param {object} options the client's; `since` and `rewind` are the subscription's
 */
globalThis.begin = async (name, topics, { since, rewind, ...options } = {}) => {
  const { Sluice } = await import("/client.js");
  const client = new Sluice(location.origin, options);
  const reading = { client, messages: [], gaps: [], transports: [], states: [], errors: [] };
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  globalThis.readings[name] = reading;
  client.addEventListener("transport", () => reading.transports.push([client.transport, seconds()]));
  client.addEventListener("state", () => reading.states.push([client.state, seconds()]));
  client.addEventListener("error", ({ detail }) =>
    reading.errors.push({ code: detail.code, status: detail.status, detail: detail.detail, terminal: detail.terminal }));
  reading.subscription = client.subscribe(topics, { since, rewind });
  reading.subscription.addEventListener("message", ({ detail }) =>
    reading.messages.push([detail.id, detail.topic, detail.seq]));
  reading.subscription.addEventListener("gap", ({ detail }) => reading.gaps.push(detail));
  return reading;
};

/** Ends a client and leaves nothing of it, nor of what it remembers. */
globalThis.end = (name) => {
  readings[name]?.client.close();
  delete readings[name];
};

async function follow({ number, code, values }) {
  const answer = { number };
  try {
    answer.value = await new AsyncFunction(...Object.keys(values), code)(...Object.values(values));
  } catch (error) {
    answer.error = `${error}\n${error.stack}`;
  }
  await fetch(`${steering}/answer`, { method: "POST", body: JSON.stringify(answer) });
}

for (;;) {
  const response = await fetch(`${steering}/${page}/${load}`);
  if (response.status === 200) follow(await response.json());
}
