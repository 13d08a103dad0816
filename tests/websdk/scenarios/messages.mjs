// Messages between users, to groups, and between one's own devices.
export default ({ asAdmin, close, create, device, ok, refused, same, saw, signedIn, sleep, text, texts, until, user }) => ({
  async "a message to an own login id"() {
    const name = await user();
    const [a, b, c] = [await signedIn(name, "a"), await signedIn(name, "b"), await signedIn(name, "c")];
    const own = await a.connection.getSelfIdsOnOtherPlatform();
    const id = own.data.find((one) => one.endsWith("_b"));
    await a.connection.send(text(id, "hello b"));
    const { detail } = await saw(b, "text");
    same([detail.msg, detail.from], ["hello b", `${name}/webim_web_a`]);
    await b.connection.send(text(detail.from, "hello a"));
    await saw(a, "text", (e) => e.msg === "hello a");
    await sleep(200);
    same(texts(c), [], "the third device got it too");
    close(a, b, c);
  },
  async "messages reach every device of both sides in order"() {
    const [ann, bob] = [await user(), await user()];
    const a = await signedIn(ann, "a");
    const [a2, b, b2] = [await signedIn(ann, "a2"), await signedIn(bob, "b"), await signedIn(bob, "b2")];
    const sent = [...Array(20).keys()].map((i) => `m${i}`);
    for (const one of sent) await a.connection.send(text(bob, one));
    for (const one of [a2, b, b2]) {
      await until(`20 messages at ${one.id}`, () => texts(one).length === 20);
      same(texts(one), sent);
    }
    same(texts(a), [], "the sending device got its own message");
    close(a, a2, b, b2);
  },
  async "contents of every kind arrive as they were sent"() {
    const [ann, bob] = [await user(), await user()];
    const [a, b] = [await signedIn(ann, "a"), await signedIn(bob, "b")];
    await a.connection.send(create("custom", bob, { customEvent: "offer", customExts: { price: "3" }, ext: { n: 1 } }));
    await saw(b, "custom", (e) => e.customEvent === "offer" && e.customExts.price === "3" && e.ext.n === 1);
    await a.connection.send(create("cmd", bob, { action: "reload" }));
    await saw(b, "cmd", (e) => e.action === "reload");
    await a.connection.send(create("loc", bob, { addr: "Main Street", buildingName: "one", lat: 39.5, lng: 116.25 }));
    await saw(b, "location", (e) => e.addr === "Main Street" && e.lat === 39.5 && e.lng === 116.25);
    await a.connection.send(text(bob, "号外 🎉\n<b>&"));
    await saw(b, "text", (e) => e.msg === "号外 🎉\n<b>&");
    close(a, b);
  },
  async "receipts: delivered, read, recalled, and told to one's other devices"() {
    const [ann, bob] = [await user(), await user()];
    const [a, a2] = [await signedIn(ann, "a", { delivery: true }), await signedIn(ann, "a2")];
    const b = await signedIn(bob, "b", { delivery: true });
    const { serverMsgId } = await a.connection.send(text(bob, "read me"));
    await saw(b, "text", (e) => e.id === serverMsgId);
    await saw(a, "delivered", (e) => e.mid === serverMsgId);
    await b.connection.send(create("read", ann, { id: serverMsgId }));
    await saw(a, "read", (e) => e.mid === serverMsgId);
    await saw(a2, "read", (e) => e.mid === serverMsgId);
    await a.connection.recallMessage({ mid: serverMsgId, to: bob, chatType: "singleChat" });
    await saw(b, "recalled", (e) => e.mid === serverMsgId);
    close(a, a2, b);
  },
  async "messages sent by REST reach live devices, and those that come later"() {
    const [bob, eve] = [await user(), await user()];
    const b = await signedIn(bob, "b");
    const ext = { ticket: "7", urgent: false };
    const send = (to, type, body) => asAdmin("POST", "/messages/users", { from: "admin", to, type, body, ext });
    const { body } = await send([bob, eve, "nobody9"], "txt", { msg: "maintenance at ten" });
    same(Object.keys(body.data).sort(), [bob, eve, "nobody9"].sort());
    const { detail } = await saw(b, "text");
    same([detail.msg, detail.from, detail.ext], ["maintenance at ten", "admin", ext]);
    const { body: taken } = await send([bob], "txt", { msg: "not so" });
    await saw(b, "text", (e) => e.msg === "not so");
    const recall = { msg_id: taken.data[bob], to: bob, chat_type: "chat", force: false };
    await asAdmin("POST", "/messages/msg_recall", recall);
    await saw(b, "recalled", (e) => e.mid === taken.data[bob]);
    await send([bob], "cmd", { action: "reload" });
    await saw(b, "cmd", (e) => e.action === "reload");
    await send([bob], "custom", { customEvent: "offer", customExts: { price: "3" } });
    await saw(b, "custom", (e) => e.customEvent === "offer" && e.customExts.price === "3");
    const e = await signedIn(eve, "e");
    await saw(e, "text", (late) => late.msg === "maintenance at ten");
    close(b, e);
  },
  async "an unknown recipient, one who blocks, a group that one is not in"() {
    const [ann, bob] = [await user(), await user()];
    const [a, b] = [await signedIn(ann, "a"), await signedIn(bob, "b")];
    const nobody = await refused(a.connection.send(text("nobody9", "x")));
    same(nobody.type, 204, JSON.stringify(nobody));
    await b.connection.addUsersToBlocklist({ name: [ann] });
    same((await b.connection.getBlocklist()).data, [ann]);
    const blocked = await refused(a.connection.send(text(bob, "x")));
    same(blocked.type, 603, JSON.stringify(blocked));
    await b.connection.send(text(ann, "the other way round"));
    await saw(a, "text", (e) => e.msg === "the other way round");
    await b.connection.removeUserFromBlocklist({ name: [ann] });
    await a.connection.send(text(bob, "x"));
    const nowhere = await refused(a.connection.send(text("7", "x", "groupChat")));
    same(nowhere.type, 605, JSON.stringify(nowhere));
    const made = await b.connection.createGroup({ data: { groupname: "b", desc: "", members: [], public: false, approval: false, allowinvites: false } });
    const outside = await refused(a.connection.send(text(made.data.groupid, "x", "groupChat")));
    same(outside.type, 602, JSON.stringify(outside));
    close(a, b);
  },
  async "one whom the app has muted: 219"() {
    const [ann, bob] = [await user(), await user()];
    const [a, b] = [await signedIn(ann, "a"), await signedIn(bob, "b")];
    await asAdmin("POST", "/mutes", { username: ann, chat: -1 });
    const muted = await refused(a.connection.send(text(bob, "x")));
    same(muted.type, 219, JSON.stringify(muted));
    await b.connection.send(text(ann, "the other way round"));
    await saw(a, "text", (e) => e.msg === "the other way round");
    await asAdmin("POST", "/mutes", { username: ann, chat: 0 });
    await a.connection.send(text(bob, "y"));
    await saw(b, "text", (e) => e.msg === "y");
    close(a, b);
  },
  async "offline and online messages reach every device, whatever ended its connection"() {
    const [ann, bob] = [await user(), await user()];
    const a = await signedIn(ann, "a");
    await a.connection.send(text(bob, "while nobody was there"));
    const [b, c] = [await signedIn(bob, "b"), await signedIn(bob, "c")];
    for (const one of [b, c]) await saw(one, "text", (e) => e.msg === "while nobody was there");
    await asAdmin("DELETE", `/users/${bob}/disconnect/webim_web_b`);
    await saw(b, "disconnected");
    await a.connection.send(text(bob, "while b was kicked"));
    await saw(c, "text", (e) => e.msg === "while b was kicked");
    const again = await signedIn(bob, "b");
    await saw(again, "text", (e) => e.msg === "while b was kicked");
    same(texts(again), ["while b was kicked"]);
    close(a, c, again);
  },
  async "offline messages wait, in order"() {
    const [ann, bob] = [await user(), await user()];
    const a = await signedIn(ann, "a");
    const sent = [...Array(120).keys()].map((i) => `m${i}`);
    for (const one of sent) await a.connection.send(text(bob, one));
    const b = await signedIn(bob, "b");
    await saw(b, "offline_finish");
    same(texts(b), sent);
    close(a, b);
  },
  async "messages of the past are read again, page by page"() {
    const [ann, bob] = [await user(), await user()];
    const a = await signedIn(ann, "a");
    for (let i = 0; i < 5; i++) await a.connection.send(text(bob, `m${i}`));
    const read = (by, targetId, cursor) =>
      by.connection.getHistoryMessages({ targetId, chatType: "singleChat", pageSize: 3, cursor, searchDirection: "up" });
    const newest = await read(a, bob, -1);
    same([newest.messages.map((m) => m.msg), newest.isLast], [["m4", "m3", "m2"], false]);
    const oldest = await read(a, bob, newest.cursor);
    same([oldest.messages.map((m) => m.msg), oldest.isLast], [["m1", "m0"], true]);
    const other = device("b");
    await other.connection.open({ user: bob, pwd: "pw" });
    same((await read(other, ann, -1)).messages.length, 3);
    close(a, other);
  },
});
