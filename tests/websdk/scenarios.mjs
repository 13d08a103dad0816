// What the vendor's Web SDK must see of the sandbox. One line of JSON per scenario; the exit code is 1 if one fails.
// Usage: node scenarios.mjs READY_LINE, where READY_LINE is what `sandbox serve` prints.
import assert from "node:assert/strict";
import WebSocket from "ws";
import { device, saw, sdk, sleep, sockets, until } from "./sdk.mjs";

const server = JSON.parse(process.argv[2]);

async function rest(method, path, body, token) {
  const answer = await fetch(server.app_root + path, {
    method,
    headers: { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) },
    body: body ? JSON.stringify(body) : undefined,
  });
  return { status: answer.status, body: await answer.json() };
}

const credentials = { grant_type: "client_credentials", client_id: server.client_id, client_secret: server.client_secret };
const admin = (await rest("POST", "/token", credentials)).body.access_token;
const asAdmin = (method, path, body) => rest(method, path, body, admin);

let users = 0;
async function user() {
  const name = `sdkuser${users++}`;
  await asAdmin("POST", "/users", [{ username: name, password: "pw" }]);
  return name;
}

async function signedIn(name, id, options) {
  const made = device(server, id, options);
  await made.connection.open({ user: name, pwd: "pw" });
  return made;
}

async function listed(name) {
  const { body } = await asAdmin("GET", `/users/${name}/resources`);
  return body.data.map((one) => one.res).sort();
}

async function refused(opening) {
  try {
    await opening;
  } catch (error) {
    return error;
  }
  throw new Error("was let in");
}

const text = (to, msg) => sdk.message.create({ type: "txt", chatType: "singleChat", to, msg });

const scenarios = {
  async "password sign-in, listed by REST"() {
    const name = await user();
    const a = await signedIn(name, "a");
    assert.deepEqual(await listed(name), ["webim_web_a"]);
    a.connection.close();
    await until("the list to be empty", async () => (await listed(name)).length === 0);
  },
  async "token sign-in"() {
    const name = await user();
    const { body } = await rest("POST", "/token", { grant_type: "password", username: name, password: "pw" });
    const a = device(server, "a");
    await a.connection.open({ user: name, accessToken: body.access_token });
    assert.deepEqual(await listed(name), ["webim_web_a"]);
    a.connection.close();
  },
  async "wrong password, bad token, unknown user, banned user"() {
    const name = await user();
    const wrong = await refused(device(server, "a").connection.open({ user: name, pwd: "no" }));
    assert.equal(wrong.type, 1, JSON.stringify(wrong));
    const bad = await refused(device(server, "a").connection.open({ user: name, accessToken: "YWMtbad" }));
    assert.equal(bad.type, 28, JSON.stringify(bad));
    const nobody = await refused(device(server, "a").connection.open({ user: "nobody9", accessToken: "YWMtbad" }));
    assert.equal(nobody.type, 204, JSON.stringify(nobody));
    const { body } = await rest("POST", "/token", { grant_type: "password", username: name, password: "pw" });
    await asAdmin("POST", `/users/${name}/deactivate`);
    const banned = await refused(device(server, "a").connection.open({ user: name, accessToken: body.access_token }));
    assert.equal(banned.type, 57, JSON.stringify(banned));
  },
  async "own login ids on other devices"() {
    const name = await user();
    const [a, b] = [await signedIn(name, "a"), await signedIn(name, "b")];
    const own = await a.connection.getSelfIdsOnOtherPlatform();
    assert.deepEqual(own.data, [`${name}/webim_web_b`]);
    a.connection.close();
    b.connection.close();
  },
  async "a message to an own login id"() {
    const name = await user();
    const [a, b, c] = [await signedIn(name, "a"), await signedIn(name, "b"), await signedIn(name, "c")];
    const own = await a.connection.getSelfIdsOnOtherPlatform();
    const id = own.data.find((one) => one.endsWith("_b"));
    await a.connection.send(text(id, "hello b"));
    const { detail } = await saw(b, "text");
    assert.equal(detail.msg, "hello b");
    assert.equal(detail.from, `${name}/webim_web_a`);
    await sleep(200);
    assert.ok(!c.events.some((e) => e.kind === "text"), "the third device got it too");
    for (const one of [a, b, c]) one.connection.close();
  },
  async "messages reach every device of both sides in order"() {
    const [ann, bob] = [await user(), await user()];
    const a = await signedIn(ann, "a");
    const [a2, b, b2] = [await signedIn(ann, "a2"), await signedIn(bob, "b"), await signedIn(bob, "b2")];
    for (let i = 0; i < 20; i++) await a.connection.send(text(bob, `m${i}`));
    for (const one of [a2, b, b2]) {
      await until(`20 messages at ${one.id}`, () => one.events.filter((e) => e.kind === "text").length === 20);
      const got = one.events.filter((e) => e.kind === "text").map((e) => e.detail.msg);
      assert.deepEqual(got, [...Array(20).keys()].map((i) => `m${i}`));
    }
    assert.ok(!a.events.some((e) => e.kind === "text"), "the sending device got its own message");
    for (const one of [a, a2, b, b2]) one.connection.close();
  },
  async "messages sent by REST reach live devices, and those that come later"() {
    const [bob, eve] = [await user(), await user()];
    const b = await signedIn(bob, "b");
    const send = (to, type, body) => asAdmin("POST", "/messages/users", { from: "admin", to, type, body });
    const { body } = await send([bob, eve, "nobody9"], "txt", { msg: "maintenance at ten" });
    assert.deepEqual(Object.keys(body.data).sort(), [bob, eve].sort());
    const { detail } = await saw(b, "text");
    assert.deepEqual([detail.msg, detail.from], ["maintenance at ten", "admin"]);
    await send([bob], "cmd", { action: "reload" });
    await saw(b, "cmd", (e) => e.action === "reload");
    await send([bob], "custom", { customEvent: "offer", customExts: { price: "3" } });
    await saw(b, "custom", (e) => e.customEvent === "offer" && e.customExts.price === "3");
    const e = await signedIn(eve, "e");
    await saw(e, "text", (late) => late.msg === "maintenance at ten");
    for (const one of [b, e]) one.connection.close();
  },
  async "an unknown recipient is refused"() {
    const a = await signedIn(await user(), "a");
    const error = await refused(a.connection.send(text("nobody9", "x")));
    assert.equal(error.type, 204, JSON.stringify(error));
    a.connection.close();
  },
  async "offline messages wait, in order"() {
    const [ann, bob] = [await user(), await user()];
    const a = await signedIn(ann, "a");
    for (let i = 0; i < 5; i++) await a.connection.send(text(bob, `m${i}`));
    const b = await signedIn(bob, "b");
    await saw(b, "offline_finish");
    assert.deepEqual(b.events.filter((e) => e.kind === "text").map((e) => e.detail.msg), ["m0", "m1", "m2", "m3", "m4"]);
    for (const one of [a, b]) one.connection.close();
  },
  async "kicked by REST, one device: 217"() {
    const name = await user();
    const [a, b] = [await signedIn(name, "a"), await signedIn(name, "b")];
    await asAdmin("DELETE", `/users/${name}/disconnect/webim_web_a`);
    await saw(a, "error", (e) => e.type === 217);
    await saw(a, "disconnected", (e) => e.type === 217);
    await sleep(2500);
    assert.ok(!a.events.some((e) => e.kind === "reconnecting"), "a kicked device came back");
    assert.deepEqual(await listed(name), ["webim_web_b"]);
    b.connection.close();
  },
  async "kicked by REST, all devices: 217"() {
    const name = await user();
    const both = [await signedIn(name, "a"), await signedIn(name, "b")];
    await asAdmin("GET", `/users/${name}/disconnect`);
    for (const one of both) await saw(one, "disconnected", (e) => e.type === 217);
    await sleep(2500);
    assert.ok(!both.some((one) => one.events.some((e) => e.kind === "reconnecting")), "a kicked device came back");
    assert.deepEqual(await listed(name), []);
  },
  async "the fifth device of a platform evicts the oldest: 206"() {
    const name = await user();
    const four = [];
    for (const id of ["a", "b", "c", "d"]) four.push(await signedIn(name, id));
    const fifth = device(server, "e");
    fifth.connection.setLoginInfoCustomExt("from the fifth");
    await fifth.connection.open({ user: name, pwd: "pw" });
    const { detail } = await saw(four[0], "disconnected", (e) => e.type === 206);
    assert.equal(detail.data.loginInfoCustomExt, "from the fifth");
    assert.deepEqual(await listed(name), ["b", "c", "d", "e"].map((id) => `webim_web_${id}`));
    for (const one of [...four.slice(1), fifth]) one.connection.close();
  },
  async "custom platforms have limits of their own"() {
    const name = await user();
    const web = await signedIn(name, "a");
    const kiosk = await signedIn(name, "k", { customOSPlatform: 5, customDeviceName: "kiosk" });
    const { body } = await asAdmin("GET", `/users/${name}/resources`);
    const custom = body.data.find((one) => one.res.startsWith("custom5_"));
    assert.equal(custom?.device_name, "kiosk", JSON.stringify(body.data));
    for (const one of [web, kiosk]) one.connection.close();
  },
  async "a ban: the connection ends, and coming back is refused with 57"() {
    const name = await user();
    const a = await signedIn(name, "a");
    await asAdmin("POST", `/users/${name}/deactivate`);
    await saw(a, "error", (e) => e.type === 57);
    assert.deepEqual(await listed(name), []);
    a.connection.close();
  },
  async "a new password: 216"() {
    const name = await user();
    const a = await signedIn(name, "a");
    await asAdmin("PUT", `/users/${name}/password`, { newpassword: "other" });
    await saw(a, "disconnected", (e) => e.type === 216);
  },
  async "a deleted account: 207"() {
    const name = await user();
    const a = await signedIn(name, "a");
    await asAdmin("DELETE", `/users/${name}`);
    await saw(a, "disconnected", (e) => e.type === 207);
  },
  async "what one device does to a conversation, the others are told"() {
    const name = await user();
    const [a, b] = [await signedIn(name, "a"), await signedIn(name, "b")];
    const peer = { conversationId: "peer1", conversationType: "singleChat" };
    const told = async (operation, fits = () => true) => {
      const { detail } = await saw(b, "multi_device", (e) => e.operation === operation && fits(e));
      assert.equal(detail.conversationId, "peer1", JSON.stringify(detail));
    };
    await a.connection.pinConversation({ ...peer, isPinned: true });
    await told("pinnedConversation");
    await a.connection.pinConversation({ ...peer, isPinned: false });
    await told("unpinnedConversation");
    await a.connection.addConversationMark({ conversations: [peer], mark: 0 });
    await told("markConversation", (e) => e.conversationMark === 0);
    await a.connection.removeConversationMark({ conversations: [peer], mark: 0 });
    await told("unMarkConversation");
    await a.connection.deleteConversation({ channel: "peer1", chatType: "singleChat", deleteRoam: true });
    await told("deleteConversation");
    await a.connection.removeHistoryMessages({ targetId: "peer1", chatType: "singleChat", beforeTimeStamp: Date.now() });
    await told("deleteRoaming");
    const before = b.events.length;
    await a.connection.removeHistoryMessages({ targetId: "peer1", chatType: "singleChat", messageIds: ["1", "2"] });
    await until("the second deleteRoaming", () => b.events.slice(before).some((e) => e.detail?.operation === "deleteRoaming"));
    assert.ok(!a.events.some((e) => e.kind === "multi_device"), "the acting device was told of its own act");
    for (const one of [a, b]) one.connection.close();
  },
  async "groups and threads: what one device does, the others are told"() {
    const [ann, bob] = [await user(), await user()];
    const [a, a2, b] = [await signedIn(ann, "a"), await signedIn(ann, "a2"), await signedIn(bob, "b")];
    const made = await a.connection.createGroup({
      data: { groupname: "team", desc: "", members: [bob], public: false, approval: false, allowinvites: true },
    });
    const groupId = made.data.groupid;
    await saw(a2, "group", (e) => e.operation === "create" && e.id === groupId && e.from === ann);
    await saw(b, "group", (e) => e.id === groupId && e.from === ann);
    const { data } = await a.connection.createChatThread({ parentId: groupId, name: "topic", messageId: "1" });
    const { chatThreadId } = data;
    const told = (operation) =>
      saw(a2, "multi_device", (e) => e.operation === operation && e.chatThreadId === chatThreadId && e.parentId === groupId);
    await told("chatThreadCreate");
    await a.connection.joinChatThread({ chatThreadId });
    await told("chatThreadJoin");
    await a.connection.changeChatThreadName({ chatThreadId, name: "other" });
    await told("chatThreadNameUpdate");
    await a.connection.leaveChatThread({ chatThreadId });
    await told("chatThreadLeave");
    await a.connection.destroyChatThread({ chatThreadId });
    await told("chatThreadDestroy");
    await a.connection.setGroupMemberAttributes({ groupId, userId: ann, memberAttributes: { colour: "red" } });
    await saw(a2, "multi_device", (e) => e.operation === "memberAttributesUpdate" && e.attributes.colour === "red");
    await saw(b, "group", (e) => e.operation === "memberAttributesUpdate" && e.userId === ann);
    await a.connection.destroyGroup({ groupId });
    await saw(a2, "group", (e) => e.operation === "destroy" && e.id === groupId);
    assert.ok(!b.events.some((e) => e.kind === "multi_device"), "another user was told of own acts");
    assert.ok(!a.events.some((e) => e.kind === "multi_device"), "the acting device was told of its own act");
    for (const one of [a, a2, b]) one.connection.close();
  },
  async "contacts: asked, taken, not taken, ended"() {
    const [ann, bob] = [await user(), await user()];
    const [a, a2] = [await signedIn(ann, "a"), await signedIn(ann, "a2")];
    const b = await signedIn(bob, "b");
    await a.connection.addContact(bob, "hi");
    const { detail } = await saw(b, "contact_invited");
    assert.deepEqual([detail.from, detail.status], [ann, "hi"], JSON.stringify(detail));
    await b.connection.acceptContactInvite(ann);
    await saw(a, "contact_agreed", (e) => e.from === bob);
    await saw(a2, "contact_agreed");
    const contacts = await asAdmin("GET", `/users/${ann}/contacts/users`);
    assert.deepEqual(contacts.body.data, [bob]);
    await b.connection.deleteContact(ann);
    await saw(a, "contact_deleted", (e) => e.from === bob);
    await a.connection.addContact(bob, "again");
    await until("the second question", () => b.events.filter((e) => e.kind === "contact_invited").length === 2);
    await b.connection.declineContactInvite(ann);
    await saw(a, "contact_refused", (e) => e.from === bob);
    for (const one of [a, a2, b]) one.connection.close();
  },
  async "a cut connection comes back by itself"() {
    const name = await user();
    const a = await signedIn(name, "a");
    sockets.at(-1).terminate();
    await saw(a, "reconnecting");
    await until("a second connect", () => a.events.filter((e) => e.kind === "connected").length === 2);
    assert.deepEqual(await listed(name), ["webim_web_a"]);
    a.connection.close();
  },
  async "garbage closes its own connection and touches nobody else"() {
    const name = await user();
    const a = await signedIn(name, "a");
    for (const garbage of [Buffer.from([0xff, 0xff, 0xff]), "text", Buffer.from("4003", "hex"), Buffer.alloc(400_000)]) {
      const raw = new WebSocket(server.ws);
      await new Promise((open) => raw.once("open", open));
      let closed = false;
      raw.once("close", () => (closed = true));
      raw.on("error", () => {});
      raw.send(garbage);
      // An empty PROVISION is refused with a frame, as a real one would be; everything else closes.
      let answered = false;
      raw.once("message", () => (answered = true));
      await until("an answer to garbage", () => closed || answered);
      raw.terminate();
    }
    assert.deepEqual(await listed(name), ["webim_web_a"]);
    assert.ok(!a.events.some((e) => ["disconnected", "reconnecting"].includes(e.kind)));
    a.connection.close();
  },
  async "the same login id again takes its own place"() {
    const name = await user();
    const first = await signedIn(name, "a");
    const second = await signedIn(name, "a");
    await until("one device", async () => (await listed(name)).length === 1);
    first.connection.close();
    await sleep(300);
    assert.deepEqual(await listed(name), ["webim_web_a"]);
    second.connection.close();
  },
  async "fresh devices at the same time do not collide"() {
    const name = await user();
    const fresh = { isFixedDeviceId: false, deviceId: undefined };
    const one = device(server, "one", fresh);
    const two = device(server, "two", fresh);
    await Promise.all([one, two].map((each) => each.connection.open({ user: name, pwd: "pw" })));
    assert.equal((await listed(name)).length, 2);
    for (const each of [one, two]) each.connection.close();
  },
};

const only = process.argv[3];
let failed = 0;
process.on("unhandledRejection", (error) => {
  failed++;
  console.log(JSON.stringify({ scenario: "unhandled rejection", ok: false, error: String(error?.stack ?? error) }));
});
for (const [scenario, play] of Object.entries(scenarios)) {
  if (only && !scenario.includes(only)) continue;
  try {
    await play();
    console.log(JSON.stringify({ scenario, ok: true }));
  } catch (error) {
    failed++;
    console.log(JSON.stringify({ scenario, ok: false, error: String(error?.stack ?? JSON.stringify(error)) }));
  }
}
process.exit(failed ? 1 : 0);
