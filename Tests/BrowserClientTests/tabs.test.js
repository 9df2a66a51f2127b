import assert from "node:assert/strict";
import test from "node:test";
import { Origin, World, settled } from "./world.js";

/** A client in a tab of its own, that shares, and what it was told. */
async function tab(world, origin, { start, isHeld = false, topics = "a" } = {}) {
  const own = origin.tab();
  own.isHeld = isHeld;
  const client = world.client({ shared: true, environment: own.environment });
  const heard = [];
  const subscription = client.subscribe(topics, start);
  subscription.addEventListener("message", ({ detail }) => heard.push(detail.seq));
  await settled();
  return { client, subscription, heard, own };
}

test("tabs share one connection, and each hears its own", async () => {
  const [world, origin] = [new World(), new Origin()];
  const first = await tab(world, origin);
  world.socket.open();
  const second = await tab(world, origin, { topics: ["a", "b"] });
  world.socket.answer();
  await settled();
  world.socket.message("e-10", 1);
  world.socket.message("e-11", 7, "b");
  await settled();
  assert.deepEqual([first.heard, second.heard, world.sockets.length], [[1], [1, 7], 1]);
  assert.deepEqual([second.client.state, second.client.transport], ["connected", "websocket"]);
  second.subscription.unsubscribe();
  await settled();
  assert.deepEqual(world.socket.sent.at(-1), { type: "unsubscribe", topics: ["b"] });
});

/**
 * The leader asks for the lock that another tab holds while it lives, to know when it is gone. Symptom: one whose own request
 * for it was slower than its first word was taken for gone, and never heard anything.
 */
test("a tab asks for nothing before it is known to live", async () => {
  const [world, origin] = [new World(), new Origin()];
  await tab(world, origin);
  world.socket.open();
  const second = await tab(world, origin, { isHeld: true });
  second.own.release();
  await settled();
  world.socket.answer();
  world.socket.message("e-10", 1);
  await settled();
  assert.deepEqual(second.heard, [1]);
});

test("a leader that is closed hands over, and who was told nothing yet knows its place too", async () => {
  const [world, origin] = [new World(), new Origin()];
  const first = await tab(world, origin);
  world.socket.open();
  const second = await tab(world, origin, { topics: "b" });
  world.socket.answer("e-9");
  await settled();
  first.client.close();
  await settled();
  assert.equal(world.sockets.length, 2);
  world.socket.open();
  assert.deepEqual([world.socket.sent[0].topics, world.socket.sent[0].since], [["b"], "e-9"]);
  world.socket.message("e-10", 1, "b");
  assert.deepEqual([second.heard, second.client.state, first.client.state], [[1], "connected", "closed"]);
});

test("after a client that shared is closed, dropping its subscriptions is no error", async () => {
  const [world, origin] = [new World(), new Origin()];
  const first = await tab(world, origin);
  const second = await tab(world, origin);
  for (const { client, subscription } of [second, first]) {
    client.close();
    subscription.unsubscribe();
    assert.throws(() => client.subscribe("a"), { code: "closed" });
  }
});
