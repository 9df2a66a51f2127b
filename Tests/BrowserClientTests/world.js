// A world for the client that only a test moves: time, a gateway that answers as it is told, sockets that do as they are told.
import { Sluice } from "../../Sources/BrowserClient/Client/client.js";

/** Timers and the time of day. */
export class Clock {
  now = 1_000_000;
  #timers = new Map();
  #next = 1;

  setTimeout = (body, milliseconds = 0) => {
    this.#timers.set(this.#next, { at: this.now + Math.max(0, milliseconds), body });
    return this.#next++;
  };

  clearTimeout = (timer) => this.#timers.delete(timer);

  /** Moves on, timer by timer, with everything that follows from each. */
  async advance(milliseconds) {
    const end = this.now + milliseconds;
    for (;;) {
      await settled();
      const due = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due[0]);
      this.now = Math.max(this.now, due[1].at);
      due[1].body();
    }
    this.now = end;
    await settled();
  }
}

/** Until everything that was begun has come to a rest; promises in promises, of streams too. */
export async function settled() {
  for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A gateway: `stream` decides what happens to a request or socket, by the name of its transport. */
export class World {
  clock = new Clock();
  sockets = [];
  requests = [];
  transports = ["websocket", "sse", "poll"];
  isUp = true;
  items = new Map();
  listeners = {};
  navigator = { onLine: true };
  /** How event streams and polls are answered: "serve", "silent", or a Response. */
  answers = { sse: "serve", poll: "serve" };
  streams = [];
  /** What becomes of a new socket; nothing by itself. */
  onSocket = null;

  storage = {
    getItem: (key) => this.items.get(key) ?? null, setItem: (key, value) => this.items.set(key, value),
    removeItem: (key) => this.items.delete(key),
  };

  client(options = {}) {
    const world = this;
    const errors = [];
    const client = new Sluice("http://gateway", {
      ...options,
      environment: {
        now: () => world.clock.now, setTimeout: world.clock.setTimeout, clearTimeout: world.clock.clearTimeout,
        random: () => 0.5, storage: world.storage, navigator: world.navigator, document: undefined,
        fetch: (url, request) => world.fetch(url, request),
        WebSocket: class { constructor(url) { return new FakeSocket(world, url); } },
        addEventListener: (type, listener) => { (world.listeners[type] ??= []).push(listener); },
        ...options.environment,
      },
    });
    client.addEventListener("error", ({ detail }) => errors.push(detail));
    return Object.assign(client, { errors });
  }

  async fetch(url, { headers = {}, signal, method = "GET", body } = {}) {
    const target = new URL(url);
    const accept = headers.Accept ?? "";
    const kind = target.pathname === "/v1/negotiate" ? "negotiate" : method === "POST" && !accept ? "publish"
      : accept === "text/event-stream" ? "sse" : "poll";
    this.requests.push({ kind, query: target.searchParams, headers, body });
    if (!this.isUp) throw new TypeError("fetch failed");
    if (this.answers[kind] instanceof Function) return this.answers[kind](target.searchParams, headers);
    if (kind === "negotiate") {
      const can = target.searchParams.get("transports").split(",");
      return Response.json({
        transports: this.transports.filter((name) => can.includes(name)).map((name) => ({
          name, url: `${name === "websocket" ? "ws" : "http"}://gateway/v1/stream`,
        })),
        position: "e-0", heartbeat: 25, reconnect: { min_ms: 500, max_ms: 20_000 },
      });
    }
    if (kind === "sse") return this.#stream(signal);
    if (this.answers.poll === "silent" || Number(target.searchParams.get("wait")) > 0) {
      return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new DOMException("", "AbortError"))));
    }
    return Response.json({ items: [], next: target.searchParams.get("since") ?? "e-0" });
  }

  /**
   * Answers polls from these messages, through a network that cuts each answer after so many bytes. A page has at most
   * `most` messages, and a `limit` above that is refused.
   * @param {"breaks"|"ends"|"stalls"} how what the body does after those bytes
   * @returns {{limit: number|null, at: number, count?: number, isCut?: boolean, isRefused?: boolean}[]} the polls that
   *   were answered, as they come in
   */
  pollsThrough(bytes, messages, { how = "breaks", most = 1000 } = {}) {
    const polls = [];
    this.answers.poll = (query) => {
      const limit = query.has("limit") ? Number(query.get("limit")) : null;
      if (limit > most) {
        const problem = { type: "urn:sluice:error:invalid-parameter", detail: `'limit' must be 1 to ${most}.`, parameter: "limit" };
        polls.push({ limit, at: this.clock.now, isRefused: true });
        return Response.json(problem, { status: 400 });
      }
      const since = query.get("since");
      const from = since === "earliest" ? 0 : messages.findIndex(({ id }) => id === since) + 1;
      const items = messages.slice(from, from + (limit ?? most));
      // Nothing is left: the poll waits.
      if (!items.length && Number(query.get("wait")) > 0) return new Promise(() => {});
      const page = new TextEncoder().encode(JSON.stringify({ items, next: items.at(-1)?.id ?? since }));
      const isCut = page.length > bytes;
      polls.push({ limit, at: this.clock.now, count: items.length, isCut });
      const body = new ReadableStream({
        start: (control) => { control.enqueue(page.slice(0, bytes)); },
        pull: (control) => {
          if (!isCut || how === "ends") control.close();
          else if (how === "breaks") control.error(new TypeError("network error"));
          else return new Promise(() => {});
        },
      });
      return new Response(body, { headers: { "Content-Type": "application/json" } });
    };
    return polls;
  }

  #stream(signal) {
    const encoder = new TextEncoder();
    let control;
    const body = new ReadableStream({ start: (controller) => { control = controller; } });
    signal?.addEventListener("abort", () => { try { control.error(new DOMException("", "AbortError")); } catch { /* Over. */ } });
    const stream = {
      signal,
      send: (type, item) => control.enqueue(encoder.encode(`event: ${type}\ndata: ${JSON.stringify(item)}\n\n`)),
      message: (id, seq, topic = "a") => stream.send("message", { id, seq, topic, data: seq }),
      end: () => control.close(), breakOff: () => control.error(new Error("broken")),
    };
    this.streams.push(stream);
    if (this.answers.sse === "serve") stream.send("hello", { type: "hello", id: "e-0" });
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  }

  tell(type) { for (const listener of this.listeners[type] ?? []) listener(); }
  get socket() { return this.sockets.at(-1); }
  get stream() { return this.streams.at(-1); }
  asked(kind) { return this.requests.filter((request) => request.kind === kind); }
}

class FakeSocket {
  sent = [];
  isClosed = false;

  constructor(world, url) {
    this.url = url;
    world.sockets.push(this);
    // Its owner listens by then.
    queueMicrotask(() => world.onSocket?.(this));
  }

  send(text) { this.sent.push(JSON.parse(text)); }
  close() { this.isClosed = true; }
  /** What the gateway says. */
  say(item) { this.onmessage?.({ data: JSON.stringify(item) }); }
  /** Opens, says hello and answers what is subscribed at once. */
  open() {
    this.onopen?.();
    this.say({ type: "hello", id: "e-9" });
    this.answer();
  }
  /** Answers the last subscribe. */
  answer(id) {
    const asked = this.sent.findLast(({ type }) => type === "subscribe");
    if (!asked) return;
    const position = id ?? asked.since ?? "e-9";
    this.say({ type: "subscribed", topics: asked.topics, id: position, ref: asked.ref });
    if (asked.since || asked.rewind !== undefined) this.say({ type: "caught_up", id: position, ref: asked.ref });
  }
  message(id, seq, topic = "a") { this.say({ id, seq, topic, data: seq }); }
  /** The connection ends. */
  end(code = 1006, reason = "") { this.onclose?.({ code, reason }); }
}

/** The locks and channels of one origin. */
export class Origin {
  #queues = new Map();
  #channels = new Set();

  /** What one tab has of it; while `isHeld` its own requests for locks are slow to arrive. */
  tab() {
    const origin = this;
    const tab = { isHeld: false, waiting: [], release() { tab.isHeld = false; for (const request of tab.waiting.splice(0)) request(); } };
    const locks = {
      request: (name, body) => {
        const request = () => origin.#request(name, body);
        if (tab.isHeld) tab.waiting.push(request);
        else request();
      },
    };
    tab.environment = {
      locks,
      BroadcastChannel: class {
        constructor() { origin.#channels.add(this); }
        postMessage(word) {
          if (!origin.#channels.has(this)) throw new Error("the channel is closed");
          const text = JSON.stringify(word);
          for (const other of origin.#channels) {
            if (other !== this) queueMicrotask(() => origin.#channels.has(other) && other.onmessage({ data: JSON.parse(text) }));
          }
        }
        close() { origin.#channels.delete(this); }
      },
    };
    return tab;
  }

  #request(name, body) {
    const before = this.#queues.get(name) ?? Promise.resolve();
    this.#queues.set(name, before.then(body));
  }
}
