// Sluice: one stream, any transport. The client for browsers, workers and Node. Apache-2.0.

// Node 18 has none.
const CustomEvent = globalThis.CustomEvent ?? class extends Event {
  constructor(type, { detail = null } = {}) {
    super(type);
    this.detail = detail;
  }
};

/** Times in milliseconds, and limits. Each can be given in the constructor's options under `limits`. */
export const LIMITS = Object.freeze({
  /** A transport that opened and says nothing is given this long: four measured round trips, within these bounds. */
  firstByteLeast: 2000,
  firstByteMost: 10_000,
  /** A connection that ended sooner than this was killed; so many in a row, and it is the network's doing. */
  killedWithin: 1000,
  killsInARow: 3,
  /** Better transports are tried again after this long; after each vain try twice as long. */
  probeFirst: 30_000,
  probeMost: 600_000,
  /** What worked is remembered for so long. */
  remembered: 1_800_000,
  /** A connection without a sign of life for a heartbeat and this long is dead. */
  silence: 10_000,
  /** How long one that is suspected, as after sleep, is given to say something. */
  suspicion: 3000,
  /** A connection that lasted so long was a good one: the next reconnect waits little again. */
  stable: 5000,
  /** What a poll waits at the gateway. */
  pollWait: 25_000,
  /** Messages of a poll's answer: what the gateway sends unless its operator changed it. */
  pollMessages: 1000,
  /** Ids that a subscription remembers, so that nothing is told twice. */
  seenIds: 5000,
  /** Messages that wait for an iterator that does not come for them. */
  queuedMessages: 10_000,
  /** How often a publish is tried. */
  publishAttempts: 5,
  /** URLs longer than this become a POST. */
  urlLength: 2000,
});

/** Something went wrong; `terminal` says that it will not be tried again. */
export class SluiceError extends Error {
  /**
   * @param {string} code the gateway's, or one of `network`, `closed`, `cut`, `silent`, `queue-full`, `no-transport`
   * @param {string} detail in words
   */
  constructor(code, detail, { status = 0, terminal = false, cause, retryAfter, parameter } = {}) {
    super(detail, { cause });
    this.name = "SluiceError";
    this.code = code;
    this.detail = detail;
    this.status = status;
    this.terminal = terminal;
    /** When the gateway says to come back, in milliseconds. */
    this.retryAfter = retryAfter;
    /** The parameter that the gateway refused, if it named one. */
    this.parameter = parameter;
  }
}

// MARK: Pure: what to do next

/** Whether a topic is one that a pattern means: `*` is one segment, a final `>` one or more. */
export function matches(pattern, topic) {
  if (pattern === topic) return true;
  const [parts, segments] = [pattern.split("."), topic.split(".")];
  for (let index = 0; index < parts.length; index++) {
    if (parts[index] === ">") return index === parts.length - 1 && segments.length > index;
    if (index >= segments.length || (parts[index] !== "*" && parts[index] !== segments[index])) return false;
  }
  return parts.length === segments.length;
}

/** Whether a topic can be meant by both of two patterns. */
export function overlaps(one, other) {
  const [a, b] = [one.split("."), other.split(".")];
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    if (a[index] === ">" || b[index] === ">") return true;
    if (a[index] !== "*" && b[index] !== "*" && a[index] !== b[index]) return false;
  }
  return a.length === b.length;
}

/** Of two positions of one epoch the earlier; null if they are of different ones. */
export function earlier(one, other) {
  const [[epoch, offset], [otherEpoch, otherOffset]] = [one, other].map((id) => id.split("-"));
  if (epoch !== otherEpoch || Number.isNaN(offset - otherOffset)) return null;
  return offset - otherOffset < 0 ? one : other;
}

/** Full jitter: anything up to a bound that doubles with each attempt. */
export function reconnectDelay(attempt, { min_ms: least, max_ms: most }, random) {
  return random() * Math.min(most, least * 2 ** Math.min(attempt, 20));
}

/**
 * How many messages to ask for in one poll. A network that cuts answers above some size cuts the same page every time it
 * is asked for: ask for half as many messages after an answer that was cut, and for twice as many after each full page
 * that arrived whole, up to what was wanted at first. A page that is not full says nothing of larger ones.
 */
export class PageLimit {
  /** The smallest `limit` that a gateway accepts. */
  static minimum = 1;
  #wanted;
  /** Messages in a page that is not reduced, as far as the client knows. */
  #full;
  #reduced = null;

  /**
   * @param {number|null} wanted the `limit` that the caller wants; null for none
   * @param {number} standard messages in a page if the request has no `limit`
   */
  constructor(wanted = null, standard = LIMITS.pollMessages) {
    this.#wanted = wanted;
    this.#full = wanted ?? standard;
  }

  /** The `limit` of the next request; null to leave the parameter out. */
  get current() { return this.#reduced ?? this.#wanted; }

  /** Counts a page of so many items that arrived whole. */
  arrived(count) {
    if (this.#reduced === null || count < this.#reduced) return;
    this.#reduced = 2 * this.#reduced < this.#full ? 2 * this.#reduced : null;
  }

  /** Counts an answer that was cut. @returns {boolean} whether the next request asks for less */
  cut() {
    const limit = this.#reduced ?? this.#full;
    if (limit <= PageLimit.minimum) return false;
    this.#reduced = Math.floor(limit / 2);
    return true;
  }

  /**
   * Counts a limit that the gateway refused as out of range, because its operator's pages are smaller than the default.
   * @returns {boolean} whether the next request asks for less; false if the refused limit is the caller's own
   */
  refused() {
    const limit = this.#reduced ?? this.#full;
    if (this.#wanted !== null || limit <= PageLimit.minimum) return false;
    this.#full = limit;
    this.#reduced = Math.floor(limit / 2);
    return true;
  }
}

/** Which transport is used, from what happened to it. Knows nothing of connections. */
export class TransportChoice {
  #kills = 0;
  #index = 0;

  /** @param {string[]} names best first */
  constructor(names, limits = LIMITS) {
    this.names = names;
    this.limits = limits;
  }

  get current() { return this.names[this.#index] ?? null; }
  /** Those worth probing, best first. */
  get better() { return this.names.slice(0, this.#index); }

  /** Begins with, or moves to, one of the names; others are not heeded. */
  use(name) {
    const index = this.names.indexOf(name);
    if (index >= 0) [this.#index, this.#kills] = [index, 0];
  }

  /** The gateway's list is another one now. */
  replace(names) {
    const current = this.current;
    this.names = names;
    this.#index = Math.max(0, names.indexOf(current));
  }

  /**
   * A connection ended, or never began.
   * @param {"refused"|"silent"|"ended"|"away"} how refused though the gateway is there; opened and silent; ended by the
   *   network; or the gateway, the browser or the server's own word is the reason
   * @param {number} lasted how long it was open, in milliseconds
   * @returns {boolean} whether another transport is next
   */
  failed(how, lasted = 0) {
    if (how === "away") return false;
    if (how === "ended") {
      this.#kills = lasted < this.limits.killedWithin ? this.#kills + 1 : 0;
      if (this.#kills < this.limits.killsInARow) return false;
    }
    this.#kills = 0;
    if (this.#index + 1 >= this.names.length) return false;
    this.#index++;
    return true;
  }
}

/** What worked, by gateway and network; forgets by itself. */
export class TransportMemory {
  constructor(storage, key, limits, now) {
    Object.assign(this, { storage, key: `sluice:${key}`, limits, now });
  }

  recall() {
    try {
      const { name, until } = JSON.parse(this.storage.getItem(this.key));
      if (this.now() < until && until <= this.now() + this.limits.remembered) return name;
      this.storage.removeItem(this.key);
    } catch { /* Nothing that can be read is nothing remembered. */ }
    return null;
  }

  /** @param {string|null} name null: nothing worth remembering */
  remember(name) {
    try {
      if (!name) return this.storage.removeItem(this.key);
      this.storage.setItem(this.key, JSON.stringify({ name, until: this.now() + this.limits.remembered }));
    } catch { /* A full or forbidden storage does not keep anybody from the stream. */ }
  }
}

/** Parses an event stream. Give it text as it comes; it gives back the data and name of whole events. */
export class EventParser {
  #rest = "";
  retry = null;

  /** @returns {{event: string, id: string|null, data: string}[]} */
  push(text) {
    this.#rest += text;
    const events = [];
    for (;;) {
      const end = /\r\n\r\n|\n\n|\r\r/.exec(this.#rest);
      if (!end) return events;
      const block = this.#rest.slice(0, end.index);
      this.#rest = this.#rest.slice(end.index + end[0].length);
      const event = { event: "message", id: null, data: null };
      for (const line of block.split(/\r\n|\n|\r/)) {
        const colon = line.indexOf(":");
        const name = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
        if (name === "data") event.data = event.data === null ? value : `${event.data}\n${value}`;
        else if (name === "event") event.event = value;
        else if (name === "id") event.id = value;
        else if (name === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
      }
      if (event.data !== null) events.push(event);
    }
  }
}

/** The last ids of something, so that it is not told again. */
class SeenIds {
  #ids = new Set();
  constructor(most) { this.most = most; }

  /** @returns {boolean} whether it is new */
  add(id) {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > this.most) this.#ids.delete(this.#ids.values().next().value);
    return true;
  }
}

// MARK: Subscriptions

/**
 * What somebody subscribed to. Events: `message` and `gap` (in `detail`), `caught_up`. Iterate over it with
 * `for await` for the messages alone; it ends with `unsubscribe()` or when the client is closed.
 */
export class Subscription extends EventTarget {
  #client;
  #queues = new Set();
  #seen;
  #seqs = new Map();
  /** Where it has come to: an id; null before its reading has begun. */
  position = null;

  /** @internal */
  constructor(client, topics, { since, rewind }, limits) {
    super();
    this.#client = client;
    this.topics = topics;
    this.since = since ?? null;
    this.rewind = rewind ?? null;
    this.isJoined = false;
    this.isOver = false;
    this.limits = limits;
    this.#seen = new SeenIds(limits.seenIds);
  }

  /** No more messages: iterators end. */
  unsubscribe() { this.#client._remove(this); }

  /** @internal Where its reading begins: as the parameters of a request. */
  get start() {
    if (this.position) return { since: this.position };
    if (this.since) return { since: this.since };
    return this.rewind === null ? {} : { rewind: this.rewind };
  }

  /** @internal */
  wants(topic) { return this.topics.some((pattern) => matches(pattern, topic)); }

  /** @internal */
  take(item) {
    if (this.isOver) return;
    if (item.type === "gap") return this.#takeGap(item);
    if (!this.#seen.add(item.id)) return;
    if (this.topics.includes(item.topic)) this.#seqs.set(item.topic, item.seq);
    for (const queue of this.#queues) queue.push(item);
    this.dispatchEvent(new CustomEvent("message", { detail: item }));
  }

  #takeGap(gap) {
    if (!this.#seen.add(`gap ${gap.topic ?? ""} ${gap.id}`)) return;
    if (!gap.topic) this.#seqs.clear();
    else if (gap.seq !== undefined && this.#seqs.get(gap.topic) >= gap.seq) return;
    this.dispatchEvent(new CustomEvent("gap", { detail: gap }));
  }

  /** @internal */
  end(error) {
    this.isOver = true;
    for (const queue of this.#queues) queue.end(error);
    this.#queues.clear();
  }

  [Symbol.asyncIterator]() {
    const queue = new MessageQueue(this.limits.queuedMessages, () => this.#queues.delete(queue));
    if (this.isOver) queue.end();
    else this.#queues.add(queue);
    return queue;
  }
}

/** Messages on their way to an iterator. */
class MessageQueue {
  #items = [];
  #waiting = [];
  #isOver = false;
  #error;

  constructor(most, onReturn) { Object.assign(this, { most, onReturn }); }

  push(item) {
    if (this.#isOver) return;
    const next = this.#waiting.shift();
    if (next) return next.resolve({ value: item, done: false });
    if (this.#items.length >= this.most) {
      const words = `${this.most} messages wait for an iterator that does not come for them (limits.queuedMessages)`;
      this.onReturn();
      return this.end(new SluiceError("queue-full", words));
    }
    this.#items.push(item);
  }

  end(error) {
    this.#isOver = true;
    this.#error = error;
    for (const { resolve, reject } of this.#waiting.splice(0)) error ? reject(error) : resolve({ value: undefined, done: true });
  }

  async next() {
    if (this.#items.length) return { value: this.#items.shift(), done: false };
    if (this.#isOver) {
      const error = this.#error;
      this.#error = undefined;
      if (error) throw error;
      return { value: undefined, done: true };
    }
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  async return() {
    this.onReturn();
    this.end();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator]() { return this; }
}

// MARK: Transports
//
// Each is a function (link, request) that begins a connection and returns {send?, close}. It calls
// link.opened() at the first bytes, link.item(object) for each message and control, and once link.ended(reason):
// {how, error?, afterMs?}, `how` as TransportChoice.failed takes it.

/** Closed by the gateway with a reason of its own: no network's doing. */
const CLOSED_BY_GATEWAY = new Set([1001, 1012, 1013]);

function openWebSocket(link, { url, token }) {
  let isOpen = false;
  let advice;
  const socket = new link.env.WebSocket(`${url.replace(/^http/, "ws")}`, "sluice.v1.json");
  const send = (command) => socket.send(JSON.stringify(command));
  socket.onopen = () => {
    isOpen = true;
    if (token) send({ type: "auth", token, ref: "token" });
  };
  socket.onmessage = ({ data }) => {
    let item;
    try { item = JSON.parse(data); } catch (cause) { return link.ended(failure(cause)); }
    if (item.type === "reconnect") advice = item.after_ms;
    link.item(item);
  };
  socket.onclose = ({ code, reason }) => {
    const words = `the websocket ended with ${code}${reason ? `: ${reason}` : ""}`;
    if (code === 1002 || code === 1003 || (code >= 1007 && code <= 1009) || (code >= 4500 && code < 5000)) {
      return link.ended({ how: "away", error: new SluiceError("closed", words, { status: code, terminal: true }) });
    }
    const isAdvised = advice !== undefined || CLOSED_BY_GATEWAY.has(code) || (code >= 4000 && code < 4500);
    const error = new SluiceError("closed", words, { status: code });
    link.ended({ how: isAdvised ? "away" : isOpen ? "ended" : "unopened", error, afterMs: advice });
  };
  return {
    send,
    close() {
      socket.onopen = socket.onmessage = socket.onclose = null;
      // Before it is open this is an error in the console of some browsers, and no harm.
      socket.close();
    },
  };
}

/** What a refused request says. */
async function problemOf(response) {
  let problem = {};
  try { problem = await response.json(); } catch { /* Then the status has to do. */ }
  const code = String(problem.type ?? "").split(":").pop() || `http-${response.status}`;
  const after = Number(response.headers.get("retry-after"));
  return new SluiceError(code, problem.detail ?? problem.title ?? `the gateway answered ${response.status}`, {
    status: response.status,
    terminal: response.status >= 400 && response.status < 500 && response.status !== 408 && response.status !== 429,
    retryAfter: after > 0 ? after * 1000 : undefined,
    parameter: problem.parameter,
  });
}

/** What a refused command says. */
const refusal = ({ code, status, detail }) =>
  new SluiceError(code, detail, { status, terminal: status < 500 && status !== 408 && status !== 429 });

/** Whether what was asked for is refused for good: not for want of a token, nor because of the transport. */
const isFinal = ({ status, terminal }) => terminal && status !== 401 && status !== 406;

/** A request for a stream: in the URL, or in a body where that is too long. */
function streamRequest({ url, token, topics, start, limits }, accept, extra = {}) {
  const query = new URLSearchParams(topics.map((topic) => ["topic", topic]));
  for (const [name, value] of Object.entries({ ...start, ...extra })) query.append(name, value);
  const headers = { Accept: accept };
  if (token) headers.Authorization = `Bearer ${token}`;
  const target = `${url}?${query}`;
  if (target.length <= limits.urlLength) return [target, { headers, cache: "no-store" }];
  headers["Content-Type"] = "application/json";
  return [url, { method: "POST", headers, cache: "no-store", body: JSON.stringify({ topics, ...start, ...extra }) }];
}

function openStream(accept, parserOf) {
  return (link, request) => {
    const abort = new AbortController();
    const run = async () => {
      const [target, options] = streamRequest({ ...request, limits: link.limits }, accept);
      let response;
      try {
        response = await link.env.fetch(target, { ...options, signal: abort.signal });
      } catch (cause) {
        throw { how: "unopened", error: new SluiceError("network", "the gateway cannot be reached", { cause }) };
      }
      if (!response.ok) throw { how: "status", error: await problemOf(response) };
      if (!response.headers.get("content-type")?.startsWith(accept)) {
        throw { how: "refused", error: new SluiceError("network", "something answered that is not the gateway") };
      }
      const parser = parserOf();
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      let afterMs;
      try {
        for (;;) {
          const { value, done } = await reader.read();
          if (done) break;
          for (const item of parser.push(decoder.decode(value, { stream: true }))) {
            if (item.type === "reconnect") afterMs = item.after_ms ?? parser.retry ?? 0;
            link.item(item);
          }
        }
      } catch (cause) {
        throw { how: "ended", error: new SluiceError("network", "the stream broke off", { cause }), afterMs };
      }
      throw { how: afterMs === undefined ? "ended" : "away", error: new SluiceError("closed", "the stream ended"), afterMs };
    };
    run().catch((reason) => { if (!abort.signal.aborted) link.ended(reason.how ? reason : failure(reason)); });
    return { close: () => abort.abort() };
  };
}

/** An exception of ours in a connection ends it, in words. */
const failure = (cause) => ({ how: "ended", error: new SluiceError("closed", String(cause), { cause }) });

const openEvents = openStream("text/event-stream", () => {
  const parser = new EventParser();
  return {
    get retry() { return parser.retry; },
    push: (text) => parser.push(text).map(({ event, id, data }) => {
      const item = JSON.parse(data);
      return event === "heartbeat" ? { type: "heartbeat", id } : event === "reconnect" ? { type: "reconnect", ...item } : item;
    }),
  };
});

const openLines = openStream("application/x-ndjson", () => {
  let rest = "";
  return {
    push(text) {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      return lines.filter(Boolean).map((line) => JSON.parse(line));
    },
  };
});

/** How every page of messages begins. */
const PAGE_BEGINNING = '{"items":[';

/** One poll. @returns {Promise<{items: object[], next: string}>} */
async function poll(link, request, wait, signal) {
  const { env, limits, client: { pageLimit } } = link;
  const extra = { wait: Math.round(wait / 1000) };
  if (pageLimit.current !== null) extra.limit = pageLimit.current;
  const [target, options] = streamRequest({ ...request, limits }, "application/json", extra);
  let response;
  try {
    response = await env.fetch(target, { ...options, signal });
  } catch (cause) {
    throw { how: "unopened", error: new SluiceError("network", "the gateway cannot be reached", { cause }) };
  }
  if (!response.ok) {
    const error = await problemOf(response);
    const isOfLimit = error.code === "invalid-parameter" && error.parameter === "limit";
    if (isOfLimit && pageLimit.refused()) return poll(link, request, wait, signal);
    throw { how: "status", error };
  }
  // Until it is false again, an end of this connection is a cut answer.
  link.isAnswering = true;
  const text = await response.text();
  let page;
  try {
    page = JSON.parse(text);
  } catch (cause) {
    // The end of the connection ends a body without a length: only the JSON shows that it is incomplete.
    link.isAnswering = text.startsWith(PAGE_BEGINNING);
    throw cause;
  }
  link.isAnswering = false;
  pageLimit.arrived(page.items.length);
  return page;
}

function openPolls(link, request) {
  const abort = new AbortController();
  const run = async () => {
    let start = request.start;
    // The first answers at once, so that the connection is known to be one, and so does each until there is no more.
    for (let wait = 0, isFirst = true; !abort.signal.aborted; isFirst = false) {
      const { items, next } = await poll(link, { ...request, start }, wait, abort.signal);
      if (abort.signal.aborted) return;
      if (isFirst) link.item({ type: "hello" });
      for (const item of items) link.item(item);
      link.item({ type: items.length || wait ? "heartbeat" : "caught_up", id: next });
      if (!items.length) wait = link.limits.pollWait;
      start = { since: next };
    }
  };
  run().catch((reason) => { if (!abort.signal.aborted) link.ended(reason.how ? reason : failure(reason)); });
  return { close: () => abort.abort() };
}

const OPENERS = { websocket: openWebSocket, sse: openEvents, ndjson: openLines, poll: openPolls };

// MARK: One connection

/** A connection of one transport, from its first byte to its end. */
class Connection {
  #handlers;
  #timer;
  isOpen = false;
  isOver = false;
  openedAt = 0;
  /** A poll's answer has begun and has not arrived whole. */
  isAnswering = false;
  /** It delivered a message or a gap. */
  #hasDelivered = false;

  /**
   * @param {object} client what it belongs to: env, limits, pageLimit, heartbeat, roundTrip
   * @param {{item: (object) => void, opened: () => void, ended: (object) => void}} handlers
   */
  constructor(client, name, request, handlers) {
    this.client = client;
    this.name = name;
    this.env = client.env;
    this.limits = client.limits;
    this.#handlers = handlers;
    this.heardAt = this.env.now();
    const { firstByteLeast, firstByteMost } = this.limits;
    const patience = Math.min(firstByteMost, Math.max(firstByteLeast, 4 * client.roundTrip));
    this.#timer = this.env.setTimeout(() => this.#judge(this.env.now() + patience), patience);
    // From now on it may end at any moment, also before this returns.
    queueMicrotask(() => {
      if (this.isOver) return;
      try { this.wire = OPENERS[name](this, request); } catch (cause) { this.ended({ ...failure(cause), how: "refused" }); }
    });
  }

  /** @internal By the transport. */
  item(item) {
    if (this.isOver) return;
    this.heardAt = this.env.now();
    if (!this.isOpen) {
      this.isOpen = true;
      this.openedAt = this.heardAt;
      this.env.clearTimeout(this.#timer);
      this.#watch();
      this.#handlers.opened();
    }
    if (this.isOver) return;
    if (item.type === undefined || item.type === "gap") this.#hasDelivered = true;
    this.#handlers.item(item);
  }

  /** @internal By the transport. */
  ended(reason) {
    if (this.isOver) return;
    const lasted = this.isOpen ? this.env.now() - this.openedAt : 0;
    this.close();
    const madeProgress = this.#hasDelivered;
    this.#handlers.ended({
      lasted, wasOpen: this.isOpen, madeProgress, ...reason, ...(this.isAnswering ? this.#cut(reason) : {}),
    });
  }

  /** Asks for smaller answers from now on. While that is possible, the transport is not to blame. */
  #cut({ error: { detail, cause } }) {
    const { pageLimit } = this.client;
    const isSmaller = pageLimit.cut();
    const consequence = isSmaller
      ? `asking for at most ${pageLimit.current} message${pageLimit.current === 1 ? "" : "s"}`
      : "no smaller answer than the one with a single message can be asked for";
    const error = new SluiceError("cut", `the gateway's answer was cut: ${detail}; ${consequence}`, { cause });
    // A smaller page is another attempt, not the same one again.
    return isSmaller ? { how: "away", error, madeProgress: true } : { error };
  }

  send(command) { this.wire?.send(command); }

  close() {
    this.isOver = true;
    this.env.clearTimeout(this.#timer);
    this.wire?.close();
  }

  /** Opened and silent: but timers may have been asleep, and its bytes may be here any moment. */
  #judge(dueAt) {
    const late = this.env.now() - dueAt;
    if (late > this.limits.suspicion && !this.wasAsleep) {
      this.wasAsleep = true;
      this.#timer = this.env.setTimeout(() => this.#judge(this.env.now()), this.limits.suspicion);
      return;
    }
    this.ended({ how: "silent", error: new SluiceError("silent", `${this.name} opened and delivered nothing`) });
  }

  #watch() {
    const most = (this.name === "poll" ? this.limits.pollWait : this.client.heartbeat) + this.limits.silence;
    this.#timer = this.env.setTimeout(() => {
      if (this.env.now() - this.heardAt >= most) this.suspect();
      else this.#watch();
    }, Math.max(1, this.heardAt + most - this.env.now()));
  }

  /** It may be dead: it is asked, and given a moment. */
  suspect() {
    if (!this.isOpen || this.isOver) return;
    this.env.clearTimeout(this.#timer);
    const asked = this.env.now();
    if (this.name === "websocket") this.send({ type: "ping" });
    this.#timer = this.env.setTimeout(() => {
      if (this.heardAt > asked) return this.#watch();
      this.ended({ how: "away", error: new SluiceError("silent", "nothing was heard of the connection any more") });
    }, this.limits.suspicion);
  }
}

// MARK: The client

/** What the client takes from the world around it; `options.environment` replaces any of it. */
function surroundings(given = {}) {
  const world = globalThis;
  let storage = null;
  try { storage = world.localStorage ?? null; } catch { /* Forbidden here. */ }
  return {
    fetch: (...request) => world.fetch(...request),
    WebSocket: world.WebSocket,
    now: () => Date.now(),
    setTimeout: (...timer) => world.setTimeout(...timer),
    clearTimeout: (timer) => world.clearTimeout(timer),
    random: Math.random,
    storage,
    locks: world.navigator?.locks,
    BroadcastChannel: world.BroadcastChannel,
    document: world.document,
    navigator: world.navigator,
    addEventListener: world.addEventListener?.bind(world),
    removeEventListener: world.removeEventListener?.bind(world),
    ...given,
  };
}

const randomName = () => globalThis.crypto?.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;

/**
 * A connection to a gateway that comes back, whatever the network does, and goes on where it was.
 *
 * Events: `message` and `gap` of all subscriptions (in `detail`), `state`, `transport`, `error` (a SluiceError).
 */
export class Sluice extends EventTarget {
  #url;
  #options;
  #subscriptions = new Set();
  #state = "idle";
  #transport = null;
  #position;
  #main = null;
  #joining = null;
  #choice = null;
  #memory = null;
  #negotiated = null;
  #isRunning = false;
  #attempt = 0;
  #hasRenewed = false;
  #token = null;
  #wake = () => {};
  #endSession = () => {};
  #stopProbe = () => {};
  #probeTimer;
  #probePause;
  #ref = 0;
  #tabs = null;
  #isChanging = false;
  #listeners = [];

  /**
   * @param {string} url of the gateway; the page's own origin if it is left out
   * @param {object} options see client.d.ts
   */
  constructor(url = globalThis.location?.origin, options = {}) {
    super();
    if (!url) throw new TypeError("new Sluice(url): where is the gateway?");
    this.#url = String(new URL(url, globalThis.location?.href)).replace(/\/+$/, "");
    this.#options = options;
    this.#position = options.position ?? null;
    this.env = surroundings(options.environment);
    this.limits = { ...LIMITS, ...options.limits };
    // Of polls; it lasts from one connection to the next like the position.
    this.pageLimit = new PageLimit(options.limits?.pollMessages);
    this.heartbeat = 25_000;
    this.roundTrip = 500;
    this.#probePause = this.limits.probeFirst;
    this.#listen();
    if (options.shared && this.env.locks && this.env.BroadcastChannel) this.#tabs = new Tabs(this, this.#url);
  }

  /** `"idle" | "connecting" | "connected" | "waiting" | "offline" | "closed"` */
  get state() { return this.#state; }
  /** The transport's name; null while there is none. */
  get transport() { return this.#transport; }
  /** Up to where everything was told: hand it to another client as `position` or `since`. */
  get position() { return this.#position; }

  /**
   * Subscribes to topics or patterns: from now on, after an id (`since`, or `"earliest"`), or with the last few of each
   * topic (`rewind`).
   * @returns {Subscription}
   */
  subscribe(topics, options = {}) {
    if (this.#state === "closed") throw new SluiceError("closed", "this client is closed");
    const list = [topics].flat();
    if (!list.length) throw new TypeError("subscribe() needs a topic or a pattern");
    const subscription = new Subscription(this, list, options, this.limits);
    for (const type of ["message", "gap"]) {
      subscription.addEventListener(type, ({ detail }) => this.dispatchEvent(new CustomEvent(type, { detail })));
    }
    if (this.#tabs) this.#tabs.add(subscription);
    else this._add(subscription);
    return subscription;
  }

  /**
   * Publishes. It is tried several times, and committed once at most.
   * @returns {Promise<{id: string, seq: number}>}
   */
  async publish(topic, data, { event, key = randomName() } = {}) {
    const headers = { "Content-Type": "application/json", "Idempotency-Key": key };
    if (event) headers.Event = event;
    const target = `${this.#url}/v1/topics/${encodeURIComponent(topic)}/messages`;
    for (let attempt = 1; ; attempt++) {
      let error;
      try {
        const token = await this.#currentToken();
        if (token) headers.Authorization = `Bearer ${token}`;
        const response = await this.env.fetch(target, { method: "POST", headers, body: JSON.stringify(data) });
        if (response.ok) {
          const { id, seq } = await response.json();
          return { id, seq };
        }
        error = await problemOf(response);
        if (error.status === 401 && attempt === 1) this.#token = null;
        else if (error.terminal) throw error;
      } catch (cause) {
        if (cause instanceof SluiceError) throw cause;
        error = new SluiceError("network", "the gateway cannot be reached", { cause });
      }
      if (attempt >= this.limits.publishAttempts) throw error;
      const pause = error.retryAfter ?? reconnectDelay(attempt, this.#pace, this.env.random);
      await new Promise((resolve) => this.env.setTimeout(resolve, pause));
    }
  }

  /** Ends everything; iterators end, nothing is sent any more. */
  close() { this.#finish(); }

  // MARK: Subscriptions

  /** @internal */
  _add(subscription) {
    this.#subscriptions.add(subscription);
    this.#changed();
  }

  /** @internal */
  _remove(subscription) {
    subscription.end();
    this.#tabs?.remove(subscription);
    if (!this.#subscriptions.delete(subscription)) return;
    if (!this.#subscriptions.size) return this.#endSession({ how: "changed" });
    const joining = this.#joining;
    if (joining?.group.includes(subscription)) {
      joining.group = joining.group.filter((one) => one !== subscription);
      if (joining.stop && !joining.group.length) {
        joining.stop();
        this.#joining = null;
        return this.#changed();
      }
    }
    const unused = subscription.topics.filter((topic) => !this.#topics().includes(topic));
    if (!unused.length) return;
    if (this.#transport === "websocket") this.#main?.isOpen && this.#main.send({ type: "unsubscribe", topics: unused });
    else this.#changed();
  }

  /** Something was subscribed or dropped: once for all of one turn. */
  #changed() {
    if (this.#isChanging) return;
    this.#isChanging = true;
    queueMicrotask(() => {
      this.#isChanging = false;
      if (this.#state === "closed" || (this.#tabs && !this.#tabs.leads)) return;
      if (!this.#isRunning) this.#run();
      else if (this.#main?.isOpen) this.#join();
    });
  }

  #topics(subscriptions = this.#subscriptions) {
    return [...new Set([...subscriptions].flatMap((subscription) => subscription.topics))];
  }

  #joined() { return [...this.#subscriptions].filter((subscription) => subscription.isJoined); }

  /** Those whose reading has not begun and which begin at the same place: the first such. */
  #newcomers() {
    const waiting = [...this.#subscriptions].filter((subscription) => !subscription.isJoined);
    const start = waiting.length ? JSON.stringify(waiting[0].start) : "";
    return waiting.filter((subscription) => JSON.stringify(subscription.start) === start);
  }

  // MARK: Connecting

  async #run() {
    this.#isRunning = true;
    while (this.#state !== "closed" && this.#subscriptions.size) {
      let reason;
      try {
        if (this.env.navigator?.onLine === false) throw new SluiceError("network", "the browser is offline");
        this.#setState("connecting");
        const isFresh = !this.#negotiated;
        if (isFresh) await this.#negotiate();
        if (this.#state === "closed" || !this.#subscriptions.size) break;
        reason = { isFresh, ...(await this.#session(this.#choice.current)) };
      } catch (error) {
        reason = { how: "away", error: error instanceof SluiceError ? error : new SluiceError("closed", String(error), { cause: error }) };
      }
      if (this.#state === "closed" || reason.how === "changed") continue;
      try {
        await this.#recover(reason);
      } catch (error) {
        this.#giveUp(error);
      }
    }
    this.#isRunning = false;
    // Nobody reads: there is no place to go on from.
    this.#position = null;
    if (this.#state !== "closed") {
      this.#setTransport(null);
      this.#setState("idle");
    }
  }

  async #currentToken() {
    if (this.#token === null && this.#options.token) {
      this.#token = await (typeof this.#options.token === "function" ? this.#options.token() : this.#options.token);
    }
    return this.#token;
  }

  /** Asks what this gateway lets this client use. */
  async #negotiate() {
    const can = (this.#options.transports ?? ["websocket", "sse", "poll"])
      .filter((name) => OPENERS[name] && (name !== "websocket" || this.env.WebSocket));
    const query = new URLSearchParams([["transports", can.join(",")]]);
    for (const topic of this.#topics().slice(0, 20)) query.append("topic", topic);
    const token = await this.#currentToken();
    const began = this.env.now();
    const abort = new AbortController();
    const timer = this.env.setTimeout(() => abort.abort(), this.limits.firstByteMost);
    let response;
    try {
      response = await this.env.fetch(`${this.#url}/v1/negotiate?${query}`, {
        headers: token ? { Authorization: `Bearer ${token}` } : {}, cache: "no-store", signal: abort.signal,
      });
      if (!response.ok) throw await problemOf(response);
      const negotiated = await response.json();
      if (!Array.isArray(negotiated?.transports)) throw new TypeError("something answered that is not the gateway");
      this.#negotiated = negotiated;
    } catch (cause) {
      if (cause instanceof SluiceError) throw cause;
      throw new SluiceError("network", "the gateway cannot be reached", { cause });
    } finally {
      this.env.clearTimeout(timer);
    }
    this.#pace = this.#negotiated.reconnect ?? this.#pace;
    this.roundTrip = this.env.now() - began;
    this.heartbeat = (this.#negotiated.heartbeat ?? 25) * 1000;
    const names = this.#negotiated.transports.map(({ name }) => name).filter((name) => can.includes(name));
    if (!names.length) {
      throw new SluiceError("no-transport", "the gateway offers no transport that this client may use", { terminal: true });
    }
    if (this.#choice) return this.#choice.replace(names);
    this.#choice = new TransportChoice(names, this.limits);
    const network = this.env.navigator?.connection?.type ?? this.env.navigator?.connection?.effectiveType ?? "";
    this.#memory = new TransportMemory(this.env.storage, `${this.#url} ${network}`, this.limits, this.env.now);
    this.#choice.use(this.#memory.recall());
  }

  #urlOf(name) {
    const url = this.#negotiated.transports.find((transport) => transport.name === name)?.url ?? `${this.#url}/v1/stream`;
    return url.replace(/^ws/, "http");
  }

  /** What a websocket reads it is told when it is open. */
  #request(name, topics, start) { return { url: this.#urlOf(name), token: this.#token, topics, start }; }

  /** What the connection that is about to open reads, and from where. */
  #opening(name) {
    let group = this.#joined();
    let start = { since: this.#position };
    if (!group.length || !this.#position) {
      group = this.#newcomers();
      start = this.#startOf(group);
    }
    return { group, start, request: this.#request(name, this.#topics(group), start) };
  }

  /** From now on is from where everybody is. */
  #startOf([{ start }]) {
    return this.#position && !Object.keys(start).length ? { since: this.#position } : start;
  }

  /** One connection, or several that relieve each other, until one ends. @returns {Promise<object>} why it ended */
  #session(name) {
    return new Promise((resolve) => {
      this.#endSession = (reason) => {
        this.#endSession = () => {};
        this.env.clearTimeout(this.#probeTimer);
        this.#joining?.stop?.();
        this.#main?.close();
        this.#main = this.#joining = null;
        this.#stopProbe();
        resolve({ group: opening.group, ...reason });
      };
      const opening = this.#opening(name);
      this.#main = this.#connect(name, opening, () => this.#opened(name, opening));
    });
  }

  #connect(name, opening, opened) {
    const connection = new Connection(this, name, opening.request, {
      opened,
      item: (item) => { if (connection === this.#main) this.#receive(item); },
      ended: (reason) => { if (connection === this.#main) this.#endSession(reason); },
    });
    connection.topicCount = this.#topics(opening.group).length;
    return connection;
  }

  /**
   * A connection beside the one in use, that may become it: `take` gets what it reads from a place on, `caughtUp` the
   * position where nothing more was missing, `ended` why it ended.
   */
  #connectBeside(name, topics, start, { take, caughtUp, ended }) {
    let ref;
    const connection = new Connection(this, name, this.#request(name, topics, start), {
      opened: () => {
        if (name !== "websocket") return;
        ref = ++this.#ref;
        connection.send({ type: "subscribe", topics, ...start, ref });
      },
      item: (item) => {
        if (connection === this.#main) this.#receive(item);
        else if (item.type === undefined || item.type === "gap") take(item);
        else if (item.type === "caught_up" && item.ref === ref) caughtUp(item.id);
        else if (item.type === "error" && item.ref === ref) ended({ how: "status", error: refusal(item) });
      },
      ended: (reason) => connection === this.#main ? this.#endSession(reason) : ended(reason),
    });
    connection.topicCount = topics.length;
    return connection;
  }

  #opened(name, { group, start }) {
    this.#hasRenewed = false;
    this.#setTransport(name);
    this.#setState("connected");
    this.#memory.remember(name === this.#choice.names[0] ? null : name);
    if (name === "websocket") this.#subscribeBySocket(group, start);
    else this.#settle(group);
    this.#planProbe();
    if (name !== "websocket") queueMicrotask(() => this.#main?.isOpen && this.#join());
  }

  #settle(group) {
    for (const subscription of group) subscription.isJoined = true;
  }

  // MARK: Joining: a new subscription on an open connection

  #join() {
    if (this.#joining || this.#state !== "connected") return;
    const group = this.#newcomers();
    if (!group.length) {
      const isOther = this.#transport !== "websocket" && this.#topics().length !== this.#main.topicCount;
      if (isOther) this.#endSession({ how: "changed" });
      return;
    }
    const [{ start }] = group;
    // A websocket is told; but what it reads already it is not sent again, not even from further back.
    const isRead = Object.keys(start).length > 0 && this.#isReadAlready(group);
    if (this.#transport === "websocket" && !isRead) this.#subscribeBySocket(group, start);
    else this.#catchUp(group, this.#startOf(group));
  }

  #isReadAlready(group) {
    const wanted = this.#topics(group);
    return this.#topics(this.#joined()).some((topic) => wanted.some((other) => overlaps(topic, other)));
  }

  #subscribeBySocket(group, start) {
    if (!group.length) return this.#join();
    const ref = ++this.#ref;
    this.#joining = { group, ref, isCatchingUp: Object.keys(start).length > 0 };
    this.#main.send({ type: "subscribe", topics: this.#topics(group), ...start, ref });
  }

  /** Brings newcomers up on a connection of their own while the stream goes on; then both become one. */
  #catchUp(group, start) {
    const joining = (this.#joining = { group });
    const connection = this.#connectBeside(this.#transport, this.#topics(group), start, {
      take: (item) => {
        for (const subscription of joining.group) {
          subscription.position = item.id;
          this.#give(subscription, item);
        }
      },
      caughtUp: (id) => {
        for (const subscription of joining.group) subscription.position = id;
        // All go on from the earlier of the two places, and know by the ids what they have. Of two epochs none is the
        // earlier: then the stream comes to the later one first, and they try again.
        const place = this.#position ? earlier(id, this.#position) : id;
        if (!place) return this.#endSession({ how: "away" });
        this.#position = place;
        this.#settle(joining.group);
        for (const subscription of joining.group) subscription.dispatchEvent(new CustomEvent("caught_up"));
        this.#endSession({ how: "changed" });
      },
      ended: ({ how, error, afterMs, madeProgress }) => {
        connection.close();
        // A rule for their topics may forbid this transport: over a websocket that is their end, too.
        if (how === "status" && (isFinal(error) || error.status === 406)) this.#refuse(joining.group, error);
        // What is wrong with this transport, the stream itself will show.
        else this.#endSession({ how: "away", error, afterMs: afterMs ?? error?.retryAfter, madeProgress });
      },
    });
    joining.stop = () => connection.close();
  }

  // MARK: What comes

  #receive(item) {
    const { id } = item;
    switch (item.type) {
      case undefined:
      case "gap": {
        this.#move(id);
        const newcomers = this.#joining?.isReading ? this.#joining.group : [];
        for (const subscription of this.#subscriptions) {
          if (subscription.isJoined || newcomers.includes(subscription)) this.#give(subscription, item);
        }
        return;
      }
      case "hello":
        // A websocket's is where the gateway stands; what is read is told by `subscribed`.
        if (this.#transport !== "websocket" && id) this.#move(id);
        return this.#tabs?.tellPosition(this.#position);
      case "subscribed":
        if (this.#joining?.ref !== item.ref) return;
        this.#joining.isReading = this.#main.isReading = true;
        if (this.#joining.isCatchingUp) return this.#move(id);
        return this.#hasJoined(id);
      case "caught_up":
        if (this.#joining?.ref !== undefined) {
          if (this.#joining.ref === item.ref) this.#hasJoined(id, true);
          return;
        }
        this.#move(id);
        for (const subscription of this.#joined()) subscription.dispatchEvent(new CustomEvent("caught_up"));
        return this.#tabs?.tellPosition(this.#position);
      case "heartbeat":
        // Of a websocket that reads nothing yet it is where the gateway stands.
        if (id && (this.#transport !== "websocket" || this.#main.isReading)) this.#move(id);
        this.#tabs?.tellPosition(this.#position);
        return;
      case "error":
        return this.#refused(item);
    }
  }

  #give(subscription, item) {
    const isWanted = item.type === "gap"
      ? !item.topic || subscription.topics.includes(item.topic) : subscription.wants(item.topic);
    if (isWanted) subscription.take(item);
  }

  /** Everything up to an id was told: to all, or while newcomers are brought up on this connection, to them. */
  #move(id) {
    if (!this.#joining?.isReading) {
      this.#position = id;
      for (const subscription of this.#subscriptions) if (subscription.isJoined) subscription.position = id;
    } else {
      for (const subscription of this.#joining.group) subscription.position = id;
    }
  }

  #hasJoined(id, isCaughtUp = false) {
    const { group } = this.#joining;
    this.#joining = null;
    this.#settle(group);
    this.#move(id);
    if (isCaughtUp) for (const subscription of group) subscription.dispatchEvent(new CustomEvent("caught_up"));
    this.#tabs?.tellPosition(this.#position);
    this.#join();
  }

  /** A command of ours was refused: without a retry, what it was about is over. */
  #refused(item) {
    const error = refusal(item);
    const { ref } = item;
    // A gateway that asks for no token says so.
    if (ref === "token" && error.status === 400) return;
    if (this.#joining?.ref !== ref || ref === undefined) return this.#tell(error);
    if (error.terminal) this.#refuse(this.#joining.group, error);
    else this.#endSession({ how: "away", error });
  }

  /** What some subscriptions ask for is not to be had: they are over, and the others go on. */
  #refuse(group, error) {
    this.#joining = null;
    this.#tell(error);
    for (const subscription of group) {
      subscription.end(error);
      this.#subscriptions.delete(subscription);
    }
    if (this.#subscriptions.size) this.#join();
    else this.#endSession({ how: "changed" });
  }

  // MARK: After an end

  async #recover({
    how, error, afterMs, group, lasted = 0, wasOpen = false, madeProgress = false, isFresh = false,
  }) {
    this.#setTransport(null);
    // A network that cuts every connection after some bytes delivers a little on each: longer waits would not make it
    // deliver more.
    if (lasted >= this.limits.stable || madeProgress) this.#attempt = 0;
    if (this.#renews(error)) return;
    if (error?.terminal && how === "away") throw error;
    if (how === "status") {
      // This transport alone is not for this client.
      if (error.status === 406) how = "refused";
      // Newcomers alone were refused.
      else if (isFinal(error) && !group.some(({ isJoined }) => isJoined)) return this.#refuse(group, error);
      else if (error.terminal) throw error;
      else [how, afterMs] = ["away", afterMs ?? error.retryAfter];
    }
    this.#tell(error);
    if (how === "away") return this.#pause(afterMs ?? error?.retryAfter);
    if (!wasOpen) {
      // Whether it is this transport or the gateway, the gateway's own word says.
      const name = this.#choice.current;
      this.#negotiated = null;
      await this.#negotiateOrPause();
      if (!this.#negotiated || name !== this.#choice.current) return;
      if (how === "unopened") {
        // It may have been starting just then, unless it answered before as well: once more at once, and then it is this
        // transport's own.
        if (!isFresh && this.#suspect !== name) {
          this.#suspect = name;
          return;
        }
        how = name === "websocket" ? "refused" : "ended";
      }
    }
    this.#suspect = null;
    if (this.#choice.failed(how, lasted)) return;
    await this.#pause(afterMs);
  }

  #suspect = null;

  async #negotiateOrPause() {
    try {
      await this.#negotiate();
    } catch (error) {
      if (this.#renews(error)) return;
      if (error.terminal) throw error;
      this.#tell(error);
      await this.#pause(error.retryAfter);
    }
  }

  /** A token that is no longer good: once, another one is asked for. */
  #renews(error) {
    if (error?.status !== 401 || this.#hasRenewed || typeof this.#options.token !== "function") return false;
    [this.#hasRenewed, this.#token] = [true, null];
    return true;
  }

  /** As the gateway said last. */
  #pace = { min_ms: 500, max_ms: 20_000 };

  /** Waits before the next attempt; being online again ends it. */
  async #pause(advised) {
    const isOffline = this.env.navigator?.onLine === false;
    const pause = isOffline ? this.#pace.max_ms : advised ?? reconnectDelay(this.#attempt++, this.#pace, this.env.random);
    this.#setState(isOffline ? "offline" : "waiting");
    await new Promise((resolve) => {
      const timer = this.env.setTimeout(resolve, pause);
      this.#wake = () => {
        this.env.clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
  }

  #giveUp(error) {
    this.#tell(error);
    this.#finish(error);
  }

  #finish(error) {
    if (this.#state === "closed") return;
    for (const [target, type, listener] of this.#listeners) target.removeEventListener?.(type, listener);
    this.#setTransport(null);
    this.#setState("closed");
    this.#endSession({ how: "changed" });
    this.#wake();
    this.#tabs?.close();
    for (const subscription of this.#subscriptions) subscription.end(error);
    this.#subscriptions.clear();
  }

  // MARK: Up again

  #planProbe() {
    this.env.clearTimeout(this.#probeTimer);
    if (!this.#choice.better.length) return;
    const pause = this.#probePause * (0.5 + this.env.random() / 2);
    this.#probePause = Math.min(2 * this.#probePause, this.limits.probeMost);
    this.#probeTimer = this.env.setTimeout(() => this.#probeAll(), pause);
  }

  /** Opens a better transport beside the one in use, brings it up, and only then lets go of the old one. */
  async #probeAll() {
    for (const name of this.#choice.better) {
      if (this.#joining || !this.#main?.isOpen) break;
      if (await this.#tryBeside(name)) return;
    }
    if (this.#main?.isOpen) this.#planProbe();
  }

  #tryBeside(name) {
    return new Promise((resolve) => {
      const old = this.#main;
      const { group, start } = this.#opening(name);
      const topics = this.#topics(group);
      const items = [];
      const end = (isMain) => {
        this.env.clearTimeout(timer);
        this.#stopProbe = () => {};
        if (!isMain) probe.close();
        resolve(isMain);
      };
      const probe = this.#connectBeside(name, topics, start, {
        take: (item) => items.push(item),
        caughtUp: (id) => {
          // Who came or went meanwhile is not in it, or still is.
          const isOther = String(topics.sort()) !== String(this.#topics(this.#joined()).sort());
          if (this.#main !== old || this.#joining || isOther) return end(false);
          this.#main = probe;
          probe.isReading = true;
          old.close();
          this.#choice.use(name);
          this.#setTransport(name);
          this.#memory.remember(name === this.#choice.names[0] ? null : name);
          for (const one of items) this.#receive(one);
          this.#move(id);
          this.#planProbe();
          this.#join();
          end(true);
        },
        ended: () => end(false),
      });
      const timer = this.env.setTimeout(() => end(false), 3 * this.limits.firstByteMost);
      this.#stopProbe = () => end(false);
    });
  }

  // MARK: The world around

  #listen() {
    const on = (target, type, listener) => {
      target?.addEventListener?.(type, listener);
      if (target?.addEventListener) this.#listeners.push([target, type, listener]);
    };
    const awake = () => {
      const main = this.#main;
      if (main?.isOpen && this.env.now() - main.heardAt > Math.min(this.heartbeat, 5000)) main.suspect();
    };
    on(this.env, "online", () => {
      this.#wake();
      this.#main?.suspect();
    });
    on(this.env, "offline", () => { if (this.#state === "waiting") this.#setState("offline"); });
    on(this.env, "pageshow", awake);
    on(this.env.document, "visibilitychange", () => { if (!this.env.document.hidden) awake(); });
  }

  /** @internal Also by the tab that leads. */
  _mirror(state, transport) {
    this.#setTransport(transport);
    this.#setState(state);
  }

  /** @internal Told by the leading tab. */
  _movedTo(id) { this.#position = id; }

  #setState(state) {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
    this.#tabs?.tellState(state, this.#transport);
  }

  #setTransport(name) {
    if (this.#transport === name) return;
    this.#transport = name;
    this.dispatchEvent(new CustomEvent("transport", { detail: name }));
    this.#tabs?.tellState(this.#state, name);
  }

  #tell(error) {
    if (error) this.dispatchEvent(new CustomEvent("error", { detail: error }));
  }
}

// MARK: Several tabs, one connection

/** What another tab subscribed to, as the leading tab has it. */
class RemoteSubscription extends Subscription {
  constructor(client, { topics, start }, limits, deliver) {
    super(client, topics, start, limits);
    this.deliver = deliver;
    this.addEventListener("message", ({ detail }) => deliver({ item: detail }));
    this.addEventListener("gap", ({ detail }) => deliver({ item: detail }));
    this.addEventListener("caught_up", () => deliver({ caughtUp: true }));
  }
}

/** The tabs of one origin: one of them leads and has the connection; each keeps the positions of its own. */
class Tabs {
  #client;
  #name;
  #id = randomName();
  #channel;
  #own = new Map();
  #remote = new Map();
  #watched = new Set();
  #release = () => {};
  #key = 0;
  #isAlive = false;
  leads = false;

  constructor(client, url) {
    this.#client = client;
    this.#name = `sluice:${url}`;
    this.#channel = new client.env.BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#heard(data);
    const { locks } = client.env;
    const forever = new Promise((resolve) => { this.#release = resolve; });
    // While it is held this tab lives: who leads waits for it, so nothing is asked of it before.
    locks.request(`${this.#name}:${this.#id}`, () => {
      this.#isAlive = true;
      this.#wantAll();
      return forever;
    });
    locks.request(this.#name, () => {
      if (client.state === "closed") return;
      this.leads = true;
      this.#channel.postMessage({ type: "leader" });
      for (const subscription of this.#own.values()) client._add(subscription);
      return forever;
    });
  }

  add(subscription) {
    const key = ++this.#key;
    subscription.key = key;
    this.#own.set(key, subscription);
    if (this.leads) this.#client._add(subscription);
    else if (this.#isAlive) this.#want(key, subscription);
  }

  remove({ key }) {
    if (key === undefined || !this.#own.delete(key)) return;
    if (!this.leads) this.#channel.postMessage({ type: "unwant", tab: this.#id, key });
  }

  #wantAll() {
    if (this.#isAlive && !this.leads) for (const [key, subscription] of this.#own) this.#want(key, subscription);
  }

  #want(key, { topics, start }) {
    this.#channel.postMessage({ type: "want", tab: this.#id, key, topics, start });
  }

  #heard(word) {
    if (word.type === "leader") {
      this.#wantAll();
    } else if (this.leads) {
      if (word.type === "want") this.#wanted(word);
      else if (word.type === "unwant") this.#drop(`${word.tab} ${word.key}`);
    } else if (word.type === "state") {
      this.#client._mirror(word.state, word.transport);
    } else if (word.type === "position" && word.id) {
      this.#client._movedTo(word.id);
      for (const key of word.joined[this.#id] ?? []) {
        const subscription = this.#own.get(key);
        if (subscription) subscription.position = word.id;
      }
    } else if (word.type === "item" && word.tab === this.#id) {
      const subscription = this.#own.get(word.key);
      if (!subscription) return;
      if (word.caughtUp) return subscription.dispatchEvent(new CustomEvent("caught_up"));
      subscription.take(word.item);
      subscription.position = word.item.id;
    }
  }

  #wanted({ tab, key, topics, start }) {
    const name = `${tab} ${key}`;
    if (this.#remote.has(name)) return;
    const client = this.#client;
    const remote = new RemoteSubscription(client, { topics, start }, client.limits, (word) =>
      this.#channel.postMessage({ type: "item", tab, key, ...word }));
    this.#remote.set(name, remote);
    client._add(remote);
    this.#channel.postMessage({ type: "state", state: client.state, transport: client.transport });
    if (this.#watched.has(tab)) return;
    this.#watched.add(tab);
    client.env.locks.request(`${this.#name}:${tab}`, () => {
      for (const name of [...this.#remote.keys()]) if (name.startsWith(`${tab} `)) this.#drop(name);
      this.#watched.delete(tab);
    });
  }

  #drop(name) {
    const remote = this.#remote.get(name);
    this.#remote.delete(name);
    if (remote) this.#client._remove(remote);
  }

  tellState(state, transport) {
    // That this tab is done is not that the others are.
    if (this.leads && state !== "closed") this.#channel.postMessage({ type: "state", state, transport });
  }

  /** Quiet subscriptions' positions move too. */
  tellPosition(id) {
    if (!this.leads || !this.#remote.size) return;
    const joined = {};
    for (const [name, remote] of this.#remote) {
      const [tab, key] = name.split(" ");
      if (remote.isJoined) (joined[tab] ??= []).push(Number(key));
    }
    this.#channel.postMessage({ type: "position", id, joined });
  }

  close() {
    for (const [key] of this.#own) if (!this.leads) this.#channel.postMessage({ type: "unwant", tab: this.#id, key });
    this.#own.clear();
    this.leads = false;
    this.#release();
    this.#channel.close();
  }
}
