import assert from "node:assert/strict";
import test from "node:test";
import { World, settled } from "./world.js";

/** A client that reads `a`, and what it was told. */
async function reading(world, options, start) {
  const client = world.client(options);
  const heard = [];
  const subscription = client.subscribe("a", start);
  subscription.addEventListener("message", ({ detail }) => heard.push(detail.seq));
  subscription.addEventListener("gap", ({ detail }) => heard.push(`gap ${detail.reason}`));
  await settled();
  return { client, subscription, heard };
}

test("it negotiates, opens the best, and goes on after a break where it was", async () => {
  const world = new World();
  const { client, heard } = await reading(world);
  world.socket.open();
  assert.deepEqual([client.state, client.transport, client.position], ["connected", "websocket", "e-9"]);
  world.socket.message("e-10", 1);
  world.socket.message("e-11", 2);
  await world.clock.advance(2000);
  world.socket.end();
  await settled();
  assert.equal(client.state, "waiting");
  await world.clock.advance(1000);
  world.socket.open();
  assert.equal(world.socket.sent[0].since, "e-11");
  world.socket.message("e-11", 2);
  world.socket.message("e-12", 3);
  assert.deepEqual(heard, [1, 2, 3]);
  assert.equal(client.position, "e-12");
});

test("a websocket that is killed within a second three times running is left", async () => {
  const world = new World();
  const { client } = await reading(world);
  for (let time = 0; time < 3; time++) {
    assert.equal(world.sockets.length, time + 1);
    world.socket.open();
    await world.clock.advance(100);
    world.socket.end();
    await world.clock.advance(1000);
  }
  assert.equal(client.transport, "sse");
  assert.equal(world.asked("sse").at(-1).query.get("since"), "e-9");
});

test("a refused websocket is left at once", async () => {
  const world = new World();
  const { client } = await reading(world);
  world.socket.end();
  await settled();
  assert.equal(client.transport, "sse");
  assert.equal(world.sockets.length, 1);
});

test("a websocket without hello is left after a time from the round trip", async () => {
  const world = new World();
  const { client } = await reading(world);
  world.socket.onopen();
  await world.clock.advance(1900);
  assert.equal(client.transport, null);
  await world.clock.advance(200);
  assert.equal(client.transport, "sse");
});

test("an event stream that is buffered becomes polling", async () => {
  const world = new World();
  world.answers.sse = "silent";
  const { client } = await reading(world, { transports: ["sse", "poll"] });
  await world.clock.advance(2100);
  assert.equal(client.transport, "poll");
});

test("a gateway that is away is no reason to fall back, for however long", async () => {
  const world = new World();
  const { client } = await reading(world);
  world.socket.open();
  world.isUp = false;
  world.socket.end(1012);
  world.onSocket = (socket) => { if (world.isUp) socket.onopen(); else socket.end(); };
  await world.clock.advance(600_000);
  assert.ok(world.asked("negotiate").length > 20, "it asks again and again");
  world.isUp = true;
  world.onSocket = (socket) => socket.open();
  await world.clock.advance(20_000);
  assert.equal(client.transport, "websocket");
});

test("offline waits for online, and goes on at once", async () => {
  const world = new World();
  const { client } = await reading(world);
  world.socket.open();
  world.navigator.onLine = false;
  world.socket.end();
  await settled();
  assert.equal(client.state, "offline");
  world.navigator.onLine = true;
  world.tell("online");
  await settled();
  world.socket.open();
  assert.equal(client.transport, "websocket");
});

test("a better transport is opened beside the other, and nothing is lost or doubled", async () => {
  const world = new World();
  const { client, heard } = await reading(world);
  world.socket.end();
  await settled();
  world.stream.message("e-1", 1);
  await world.clock.advance(22_600);
  assert.equal(world.sockets.length, 2);
  assert.equal(client.transport, "sse", "the old one goes on meanwhile");
  world.stream.message("e-2", 2);
  await settled();
  const socket = world.socket;
  socket.onopen();
  socket.say({ type: "hello", id: "e-9" });
  const { ref, since } = socket.sent.at(-1);
  assert.equal(since, "e-1");
  socket.say({ type: "subscribed", id: since, ref });
  socket.message("e-2", 2);
  socket.message("e-3", 3);
  assert.deepEqual(heard, [1, 2]);
  socket.say({ type: "caught_up", id: "e-3", ref });
  assert.deepEqual(heard, [1, 2, 3]);
  assert.ok(world.stream.signal.aborted, "and only then it is let go");
  assert.deepEqual([client.transport, client.position], ["websocket", "e-3"]);
});

test("what worked is where the next one begins, and it does not stick", async () => {
  const world = new World();
  const first = await reading(world);
  world.socket.end();
  await settled();
  assert.equal(first.client.transport, "sse");
  first.client.close();
  const second = await reading(world);
  assert.deepEqual([second.client.transport, world.sockets.length], ["sse", 1]);
  await world.clock.advance(30_000);
  assert.equal(world.sockets.length, 2, "it is tried again");
});

test("the gateway's advice is followed", async () => {
  const world = new World();
  await reading(world);
  world.socket.open();
  world.socket.say({ type: "reconnect", after_ms: 3120 });
  world.socket.end(1012);
  await world.clock.advance(3100);
  assert.equal(world.sockets.length, 1);
  await world.clock.advance(30);
  assert.equal(world.sockets.length, 2);
});

test("terminal codes end it, and say so", async () => {
  for (const code of [1002, 1003, 1007, 1008, 1009, 4500, 4999]) {
    const world = new World();
    const { client } = await reading(world);
    world.socket.open();
    world.socket.end(code, "because");
    await settled();
    assert.equal(client.state, "closed", `${code}`);
    assert.ok(client.errors.some((error) => error.terminal && error.status === code));
  }
  const world = new World();
  world.answers.negotiate = () => Response.json({ type: "urn:sluice:error:forbidden", detail: "no" }, { status: 403 });
  const { client } = await reading(world);
  assert.deepEqual([client.state, client.errors[0].code, client.errors[0].detail], ["closed", "forbidden", "no"]);
});

test("a token that is no longer good is renewed once", async () => {
  const world = new World();
  const good = "two";
  const answer = (_, headers) => headers.Authorization === `Bearer ${good}`
    ? Response.json({ transports: [{ name: "sse", url: "http://gateway/v1/stream" }], heartbeat: 25 })
    : Response.json({ type: "urn:sluice:error:unauthorized" }, { status: 401 });
  world.answers.negotiate = answer;
  const tokens = ["one", "two", "three"];
  const { client } = await reading(world, { token: () => tokens.shift() });
  assert.deepEqual([client.state, tokens], ["connected", ["three"]]);
  const other = new World();
  other.answers.negotiate = () => Response.json({}, { status: 401 });
  const refused = await reading(other, { token: () => "bad" });
  assert.equal(refused.client.state, "closed");
  assert.equal(other.asked("negotiate").length, 2);
});

test("a dead connection is noticed by its silence, after it was asked", async () => {
  const world = new World();
  const { client } = await reading(world);
  world.socket.open();
  await world.clock.advance(34_000);
  assert.equal(world.socket.sent.at(-1).type, "subscribe");
  await world.clock.advance(1500);
  assert.equal(world.socket.sent.at(-1).type, "ping");
  world.socket.say({ type: "heartbeat", id: "e-9" });
  await world.clock.advance(36_000);
  assert.equal(world.sockets.length, 1, "it answered");
  await world.clock.advance(10_000);
  assert.equal(client.errors.at(-1).code, "silent");
  assert.equal(world.sockets.length, 2);
});

test("a gap that the reader has no need of is not told, others are", async () => {
  const world = new World();
  const { heard } = await reading(world);
  world.socket.open();
  world.socket.message("e-1", 5);
  world.socket.say({ type: "gap", topic: "a", after: "e-0", id: "e-2", seq: 5, reason: "expired" });
  world.socket.say({ type: "gap", topic: "a", after: "e-2", id: "e-3", seq: 6, reason: "slow" });
  world.socket.say({ type: "gap", id: "f-1", reason: "epoch" });
  assert.deepEqual(heard, [5, "gap slow", "gap epoch"]);
});

test("a second subscription uses the same connection, and hears what it asked for", async () => {
  const world = new World();
  const { client } = await reading(world);
  world.socket.open();
  const other = client.subscribe(["b.*", "c"], { since: "e-3" });
  const heard = [];
  other.addEventListener("message", ({ detail }) => heard.push(detail.topic));
  await settled();
  const { topics, since } = world.socket.sent.at(-1);
  assert.deepEqual([topics, since, world.sockets.length], [["b.*", "c"], "e-3", 1]);
  world.socket.answer();
  world.socket.message("e-10", 1, "b.x");
  world.socket.message("e-11", 1, "a");
  world.socket.message("e-12", 1, "c");
  assert.deepEqual(heard, ["b.x", "c"]);
  other.unsubscribe();
  assert.deepEqual(world.socket.sent.at(-1), { type: "unsubscribe", topics: ["b.*", "c"] });
});

test("an iterator gets messages, ends with its subscription, and may not fall behind for ever", async () => {
  const world = new World();
  const { subscription } = await reading(world, { limits: { queuedMessages: 3 } });
  world.socket.open();
  const [first, slow] = [subscription[Symbol.asyncIterator](), subscription[Symbol.asyncIterator]()];
  const next = first.next();
  world.socket.message("e-10", 1);
  assert.equal((await next).value.seq, 1);
  for (const seq of [2, 3, 4]) world.socket.message(`e-${seq + 9}`, seq);
  for (const seq of [1, 2, 3]) assert.equal((await slow.next()).value.seq, seq);
  await assert.rejects(slow.next(), { code: "queue-full" });
  subscription.unsubscribe();
  for (const seq of [2, 3, 4]) assert.equal((await first.next()).value.seq, seq);
  assert.ok((await first.next()).done);
});

test("a publish that fails is tried again with the same key", async () => {
  const world = new World();
  const answers = [
    () => { throw new TypeError("fetch failed"); },
    () => Response.json({ type: "urn:sluice:error:outcome-unknown" }, { status: 503, headers: { "Retry-After": "2" } }),
    () => Response.json({ id: "e-1", seq: 1 }, { status: 201 }),
  ];
  world.answers.publish = () => answers.shift()();
  const client = world.client();
  const published = client.publish("a b", { n: 1 }, { event: "created" });
  await world.clock.advance(10_000);
  assert.deepEqual(await published, { id: "e-1", seq: 1 });
  const asked = world.asked("publish");
  assert.equal(new Set(asked.map(({ headers }) => headers["Idempotency-Key"])).size, 1);
  assert.equal(asked.length, 3);
  assert.equal(asked[0].headers.Event, "created");
  world.answers.publish = () => Response.json({ type: "urn:sluice:error:invalid-topic", detail: "no" }, { status: 400 });
  await assert.rejects(client.publish("a..b", 1), { code: "invalid-topic", detail: "no", terminal: true });
});

test("who goes back for what is read already, over a websocket alone, gets it, and nobody else does", async () => {
  const world = new World();
  const { client, heard } = await reading(world, { transports: ["websocket"] }, { since: "e-0" });
  world.socket.open();
  const old = world.socket;
  old.message("e-1", 1);
  old.message("e-2", 2);
  const again = [];
  client.subscribe(["a", "b"], { since: "e-0" }).addEventListener("message", ({ detail }) => again.push(detail.seq));
  await settled();
  const beside = world.socket;
  beside.onopen();
  beside.say({ type: "hello", id: "e-9" });
  const asked = beside.sent.at(-1);
  assert.deepEqual([asked.topics, asked.since, client.transport], [["a", "b"], "e-0", "websocket"]);
  beside.say({ type: "subscribed", id: "e-0", ref: asked.ref });
  for (const seq of [1, 2]) beside.message(`e-${seq}`, seq);
  old.message("e-3", 3);
  assert.deepEqual([old.isClosed, heard, again], [false, [1, 2, 3], [1, 2]], "the stream goes on meanwhile");
  beside.say({ type: "caught_up", id: "e-2", ref: asked.ref });
  await settled();
  assert.deepEqual([old.isClosed, beside.isClosed, world.sockets.length], [true, true, 3]);
  world.socket.open();
  assert.deepEqual([world.socket.sent[0].topics, world.socket.sent[0].since], [["a", "b"], "e-2"], "the earlier of the two");
  for (const seq of [3, 4]) world.socket.message(`e-${seq}`, seq);
  assert.deepEqual([heard, again], [[1, 2, 3, 4], [1, 2, 3, 4]]);
});

/** Symptom: one wrong topic, subscribed to over an event stream, ended everything else as well. */
test("what a newcomer may not read is its own affair, on event streams too", async () => {
  const world = new World();
  const { client, heard } = await reading(world, { transports: ["sse"] });
  const old = world.stream;
  world.answers.sse = () => Response.json({ type: "urn:sluice:error:invalid-topic", detail: "no" }, { status: 400 });
  const other = client.subscribe("a..b");
  await assert.rejects(other[Symbol.asyncIterator]().next(), { code: "invalid-topic", terminal: true });
  await settled();
  old.message("e-1", 1);
  await settled();
  assert.deepEqual([client.state, heard, other.isOver, old.signal.aborted], ["connected", [1], true, false]);
});

test("a newcomer whose topics may not be had on this transport is told so, on every transport", async () => {
  for (const transport of ["websocket", "sse", "poll"]) {
    const world = new World();
    const { client } = await reading(world, { transports: [transport] });
    if (transport === "websocket") world.socket.open();
    const problem = { type: "urn:sluice:error:transport-not-allowed", code: "transport-not-allowed", detail: "poll it", status: 406 };
    world.answers[transport] = (query) => query.get("topic") === "bank"
      ? Response.json(problem, { status: 406 }) : new Promise(() => {});
    const other = client.subscribe("bank");
    const outcome = assert.rejects(other[Symbol.asyncIterator]().next(), { code: "transport-not-allowed", terminal: true });
    await settled();
    const ref = world.socket?.sent.at(-1).ref;
    world.socket?.say({ ...problem, type: "error", ref });
    await outcome;
    await world.clock.advance(30_000);
    assert.deepEqual([other.isOver, client.state, client.transport], [true, "connected", transport]);
  }
});

test("a first subscription that is refused leaves a client that others can use", async () => {
  const world = new World();
  world.answers.sse = () => Response.json({ type: "urn:sluice:error:invalid-topic", detail: "no" }, { status: 400 });
  const { client, subscription } = await reading(world, { transports: ["sse"] });
  assert.deepEqual([client.state, subscription.isOver, client.errors[0].code], ["idle", true, "invalid-topic"]);
  world.answers.sse = "serve";
  client.subscribe("b");
  await settled();
  assert.equal(client.state, "connected");
});

test("a newcomer that leaves while it is brought up takes its connection along", async () => {
  const world = new World();
  const { client } = await reading(world, { transports: ["sse"] });
  const old = world.stream;
  const other = client.subscribe("b", { since: "earliest" });
  await settled();
  assert.equal(world.streams.length, 2);
  other.unsubscribe();
  await settled();
  assert.deepEqual([world.streams[1].signal.aborted, old.signal.aborted, world.streams.length], [true, false, 2]);
  client.subscribe("c");
  await settled();
  assert.equal(world.asked("sse").at(-1).query.get("topic"), "c");
});

/** Two nodes, and the newcomer's is of an epoch that the stream has not come to: one of them would lose without a word. */
test("a newcomer of another epoch joins when the stream has come there too", async () => {
  const world = new World();
  const { client } = await reading(world, { transports: ["sse"] }, { since: "e-5" });
  const other = client.subscribe("b", { since: "earliest" });
  await settled();
  world.stream.send("caught_up", { type: "caught_up", id: "f-90" });
  await settled();
  assert.deepEqual([client.state, other.isJoined], ["waiting", false]);
  await world.clock.advance(1000);
  assert.deepEqual(world.asked("sse").at(-2).query.getAll("topic"), ["a"]);
  assert.equal(world.asked("sse").at(-1).query.get("since"), "f-90");
  world.streams.at(-2).send("gap", { type: "gap", id: "f-90", reason: "epoch" });
  await settled();
  world.stream.send("caught_up", { type: "caught_up", id: "f-91" });
  await settled();
  assert.deepEqual(world.asked("sse").at(-1).query.getAll("topic"), ["a", "b"]);
  assert.equal(world.asked("sse").at(-1).query.get("since"), "f-90");
});

test("from now on, after nobody read for a while, is from then on", async () => {
  const world = new World();
  const { client, subscription } = await reading(world);
  world.socket.open();
  world.socket.message("e-10", 1);
  subscription.unsubscribe();
  await settled();
  assert.deepEqual([client.state, client.position], ["idle", null]);
  client.subscribe("b");
  await settled();
  world.socket.open();
  assert.equal(world.socket.sent[0].since, undefined);
});

/** A move up that does not have everybody would leave somebody without messages, and without a word. */
test("a better transport that does not read what has come meanwhile is not taken", async () => {
  const world = new World();
  world.transports = ["sse", "websocket"];
  world.answers.sse = () => { throw new TypeError("fetch failed"); };
  const { client } = await reading(world, { transports: ["sse", "websocket"] });
  await world.clock.advance(5000);
  world.socket.open();
  assert.equal(client.transport, "websocket");
  world.answers.sse = "serve";
  await world.clock.advance(23_000);
  assert.equal(world.streams.length, 1);
  client.subscribe("b");
  await settled();
  world.socket.answer();
  world.stream.send("caught_up", { type: "caught_up", id: "e-9" });
  await settled();
  assert.deepEqual([client.transport, world.stream.signal.aborted, world.socket.isClosed], ["websocket", true, false]);
});

test("what answers in the gateway's place is not taken for it", async () => {
  const world = new World();
  const { negotiate } = world.answers;
  world.answers.negotiate = () => Response.json({ login: "please" });
  const { client } = await reading(world);
  assert.deepEqual([client.state, client.errors[0].code], ["waiting", "network"]);
  world.answers.negotiate = negotiate;
  await world.clock.advance(1000);
  world.socket.open();
  assert.equal(client.state, "connected");
  world.socket.onmessage({ data: "<html>" });
  assert.equal(world.socket.isClosed, true);
});

/** Symptom: with short heartbeats a reconnect lost a hundred messages now and then, and the next break made it so. */
test("a heartbeat before the reading has begun is no position of ours", async () => {
  const world = new World();
  const { client } = await reading(world, {}, { since: "e-3" });
  world.socket.open();
  world.socket.message("e-4", 1);
  await world.clock.advance(6000);
  world.socket.end();
  await world.clock.advance(1000);
  world.socket.onopen();
  world.socket.say({ type: "hello", id: "e-90" });
  world.socket.say({ type: "heartbeat", id: "e-90" });
  assert.equal(client.position, "e-4");
  await world.clock.advance(1500);
  world.socket.end();
  await world.clock.advance(1000);
  world.socket.onopen();
  world.socket.say({ type: "hello", id: "e-91" });
  assert.equal(world.socket.sent.at(-1).since, "e-4");
});

test("a publish is given up after so many tries, with what went wrong last", async () => {
  const world = new World();
  world.answers.publish = () => Response.json({ type: "urn:sluice:error:store-unavailable", detail: "away" }, { status: 503 });
  const outcome = world.client({ limits: { publishAttempts: 3 } }).publish("a", 1).catch((error) => error);
  await world.clock.advance(60_000);
  const { code, status, terminal } = await outcome;
  assert.deepEqual([code, status, terminal, world.asked("publish").length], ["store-unavailable", 503, false, 3]);
});

test("topics that do not fit into a URL go into a body", async () => {
  const world = new World();
  const client = world.client({ transports: ["sse"], limits: { urlLength: 100 } });
  const topics = Array.from({ length: 20 }, (_, number) => `topic.${number}`);
  client.subscribe(topics, { since: "e-3" });
  await settled();
  const [{ query, body }] = world.asked("sse");
  assert.deepEqual([[...query.keys()], JSON.parse(body)], [[], { topics, since: "e-3" }]);
});

test("after a vain try the next waits twice as long, up to a bound", async () => {
  const world = new World();
  await reading(world, { limits: { probeFirst: 1000, probeMost: 4000, silence: 1e9 } });
  world.onSocket = (socket) => { socket.end(); tries.push(world.clock.now); };
  const tries = [];
  world.socket.end();
  await settled();
  const began = world.clock.now;
  await world.clock.advance(12_000);
  assert.deepEqual(tries.map((at) => at - began), [750, 2250, 5250, 8250, 11250]);
});

test("a connection that lasted makes the next wait short again, one that did not does not", async () => {
  for (const [lasted, waits] of [[4900, 500], [5100, 250]]) {
    const world = new World();
    const { client } = await reading(world);
    world.isUp = false;
    world.socket.end();
    await settled();
    world.isUp = true;
    await world.clock.advance(250);
    world.socket.open();
    await world.clock.advance(lasted);
    world.socket.end();
    await settled();
    const count = world.sockets.length;
    await world.clock.advance(waits - 1);
    assert.deepEqual([client.state, world.sockets.length], ["waiting", count]);
    await world.clock.advance(1);
    assert.equal(world.sockets.length, count + 1);
  }
});

test("a message is told once among the last so many", async () => {
  const world = new World();
  const { heard } = await reading(world, { limits: { seenIds: 2 } });
  world.socket.open();
  for (const seq of [1, 2, 1, 2, 3, 1]) world.socket.message(`e-${seq}`, seq);
  assert.deepEqual(heard, [1, 2, 3, 1]);
});

// MARK: Answers that are cut

const held = (count, size = 100) => Array.from({ length: count }, (_, index) => (
  { id: `e-${index + 1}`, topic: "a", seq: index + 1, time: 1_795_358_482_897, data: "x".repeat(size) }));
const numbers = (count) => Array.from({ length: count }, (_, index) => index + 1);
const polling = { transports: ["poll"] };

for (const how of ["breaks", "ends"]) {
  test(`a poll whose answer is cut asks for half as many messages, and after a full page for twice as many (${how})`, async () => {
    const world = new World();
    const polls = world.pollsThrough(20_000, held(300), { how });
    const { client, heard } = await reading(world, polling, { since: "earliest" });
    await world.clock.advance(10_000);
    assert.deepEqual(heard, numbers(300));
    assert.deepEqual(polls.slice(0, 5).map(({ limit }) => limit), [null, 500, 250, 125, 62]);
    for (let index = 1; index < polls.length; index++) {
      const [before, after] = [polls[index - 1], polls[index]];
      const isFull = before.count === before.limit;
      assert.equal(after.limit, before.isCut ? Math.floor((before.limit ?? 1000) / 2) : before.limit * (isFull ? 2 : 1));
      // After progress, and while the pages become smaller, each wait is the shortest.
      assert.equal(after.at - before.at, before.isCut ? 250 : 0);
    }
    assert.deepEqual([client.state, client.transport], ["connected", "poll"]);
    assert.equal(world.asked("negotiate").length, 1, "the transport is not to blame");
    assert.ok(client.errors.every(({ code }) => code === "cut"), String(client.errors));
    assert.match(client.errors[0].detail, /asking for at most 500 messages$/);
  });
}

test("an answer that stalls in the middle is cut, too", async () => {
  const world = new World();
  const polls = world.pollsThrough(20_000, held(300), { how: "stalls" });
  const { heard } = await reading(world, polling, { since: "earliest" });
  await world.clock.advance(400_000);
  assert.deepEqual(heard, numbers(300));
  assert.deepEqual(polls.slice(0, 5).map(({ limit }) => limit), [null, 500, 250, 125, 62]);
});

test("a single message that does not get through is asked for at growing intervals, and the error says why", async () => {
  const world = new World();
  const polls = world.pollsThrough(500, held(1, 1000));
  const { client, heard } = await reading(world, polling, { since: "earliest" });
  await world.clock.advance(60_000);
  const single = polls.filter(({ limit }) => limit === 1);
  const waits = single.slice(1).map(({ at }, index) => at - single[index].at);
  assert.deepEqual(waits.slice(0, 6), [500, 1000, 2000, 4000, 8000, 10_000]);
  assert.deepEqual(polls.slice(0, 10).map(({ limit }) => limit), [null, 500, 250, 125, 62, 31, 15, 7, 3, 1]);
  assert.match(client.errors.at(-1).detail, /was cut: .*; no smaller answer than the one with a single message/);
  assert.deepEqual(heard, []);
});

test("a gateway with smaller pages refuses larger limits, and is asked for less at once", async () => {
  const world = new World();
  const polls = world.pollsThrough(5000, held(300), { most: 100 });
  const { client, heard } = await reading(world, polling, { since: "earliest" });
  await world.clock.advance(20_000);
  assert.deepEqual(heard, numbers(300));
  assert.deepEqual(polls.slice(0, 6).map(({ limit }) => limit), [null, 500, 250, 125, 62, 31]);
  assert.deepEqual(polls.slice(1, 4).map(({ isRefused, at }) => [isRefused, at]), Array(3).fill([true, polls[1].at]));
  assert.equal(client.state, "connected");
});

test("a limit that the caller asked for is where halving begins and doubling ends", async () => {
  const world = new World();
  const polls = world.pollsThrough(4000, held(200));
  const { heard } = await reading(world, { ...polling, limits: { pollMessages: 30 } }, { since: "earliest" });
  await world.clock.advance(20_000);
  assert.deepEqual(heard, numbers(200));
  assert.deepEqual(polls.slice(0, 4).map(({ limit }) => limit), [30, 15, 30, 15]);
});

test("newcomers' polls that are cut ask for less as well", async () => {
  const world = new World();
  const messages = held(300);
  const { client } = await reading(world, polling, { since: "e-300" });
  world.pollsThrough(20_000, messages);
  await settled();
  const heard = [];
  client.subscribe("b", { since: "earliest" }).addEventListener("message", ({ detail }) => heard.push(detail.seq));
  messages.forEach((message) => { message.topic = "b"; });
  await world.clock.advance(20_000);
  assert.deepEqual(heard, numbers(300));
});

test("a stream that delivers something before each break is not slowed down", async () => {
  const world = new World();
  const { client, heard } = await reading(world, { transports: ["sse"] });
  for (let number = 1; number <= 8; number++) {
    const count = world.streams.length;
    world.stream.message(`e-${number}`, number);
    await settled();
    world.stream.breakOff();
    await world.clock.advance(250);
    assert.equal(world.streams.length, count + 1, `after ${number}`);
  }
  assert.deepEqual(heard, numbers(8));
  assert.equal(client.transport, "sse");
});
