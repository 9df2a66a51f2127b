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
 * @param {object} options the client's, with the gateway's `url`; `since` and `rewind` are the subscription's
 */
globalThis.begin = async (name, topics, { url = location.origin, since, rewind, ...options } = {}) => {
  const { Sluice } = await import("/client.js");
  const client = new Sluice(url, options);
  const reading = { client, transports: [], states: [], errors: [] };
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  globalThis.readings[name] = reading;
  client.addEventListener("transport", () => reading.transports.push([client.transport, seconds()]));
  client.addEventListener("state", () => reading.states.push([client.state, seconds()]));
  client.addEventListener("error", ({ detail: { code, status, detail, terminal } }) =>
    reading.errors.push({ code, status, detail, terminal }));
  Object.assign(reading, subscribed(client, topics, { since, rewind }));
};

/** Another subscription of a client, kept as its reading's `joined`. */
globalThis.join = (name, topics, options) => {
  readings[name].joined = subscribed(readings[name].client, topics, options);
};

function subscribed(client, topics, options) {
  const subscription = client.subscribe(topics, options);
  const [messages, gaps] = [[], []];
  subscription.addEventListener("message", ({ detail }) => messages.push([detail.id, detail.topic, detail.seq]));
  subscription.addEventListener("gap", ({ detail }) => gaps.push(detail));
  return { subscription, messages, gaps };
}

/** What a test that waits in vain says of a client. */
globalThis.story = ({ client, messages, gaps, transports, states, errors }) =>
  ({ state: client.state, transport: client.transport, messages: messages.length, gaps, transports, states, errors });

/** Ends a client and forgets what it got. */
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
