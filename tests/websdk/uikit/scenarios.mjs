// What must hold for the newest SDK: it signs in, it sends and receives, and it learns why its session ended.
export default ({ asAdmin, close, device, listed, ok, refused, same, saw, sendText, signedIn, sleep, sockets, until, user }) => ({
  async "two devices and another user exchange messages"() {
    const [ann, bob] = [await user(), await user()];
    const [phone, laptop, other] = [await signedIn(ann, "phone"), await signedIn(ann, "laptop"), await signedIn(bob, "x")];
    same(await listed(ann), ["webim_web_laptop", "webim_web_phone"]);
    same(await phone.client.getSelfIdsOnOtherPlatform(), [`${ann}/webim_web_laptop`]);
    const sent = await sendText(other, ann, "hello");
    for (const one of [phone, laptop]) {
      const { detail } = await saw(one, "onMessage", (message) => message.msgServerId === sent);
      same([detail.from, detail.body.content], [bob, "hello"]);
    }
    const answer = await sendText(phone, bob, "hello back");
    await saw(other, "onMessage", (message) => message.msgServerId === answer);
    await close(phone, laptop, other);
    await until("an empty list", async () => (await listed(ann)).length === 0);
  },
  async "a message waits for one who is offline"() {
    const [ann, bob] = [await user(), await user()];
    const away = await signedIn(bob, "x");
    await close(away);
    const sender = await signedIn(ann, "a");
    const sent = await sendText(sender, bob, "later");
    const back = await signedIn(bob, "x");
    await saw(back, "onMessage", (message) => message.msgServerId === sent);
    await close(sender, back);
  },
  async "kicked by REST: 217"() {
    const name = await user();
    const [a, b] = [await signedIn(name, "a"), await signedIn(name, "b")];
    await asAdmin("DELETE", `/users/${name}/disconnect/webim_web_a`);
    await saw(a, "onDisconnected", (e) => e.errorCode === 217);
    await sleep(2500);
    same(a.client.getConnectionState(), "disconnected", "a kicked device came back");
    same(await listed(name), ["webim_web_b"]);
    await close(b);
  },
  async "the fifth device evicts the oldest: 206"() {
    const name = await user();
    const four = [];
    for (const id of ["a", "b", "c", "d"]) four.push(await signedIn(name, id));
    const fifth = await signedIn(name, "e");
    await saw(four[0], "onDisconnected", (e) => e.errorCode === 206);
    same(await listed(name), ["b", "c", "d", "e"].map((id) => `webim_web_${id}`));
    await close(...four.slice(1), fifth);
  },
  async "a new password: 216"() {
    const name = await user();
    const a = await signedIn(name, "a");
    await asAdmin("PUT", `/users/${name}/password`, { newpassword: "other" });
    await saw(a, "onDisconnected", (e) => e.errorCode === 216);
  },
  async "a deleted account: 207"() {
    const name = await user();
    const a = await signedIn(name, "a");
    await asAdmin("DELETE", `/users/${name}`);
    await saw(a, "onDisconnected", (e) => e.errorCode === 207);
  },
  async "a wrong token is refused"() {
    const name = await user();
    const a = await device("a");
    const error = await refused(a.client.login({ userId: name, token: "wrong" }));
    same(error.code, 202, JSON.stringify(error));
    same(await listed(name), []);
  },
  async "a cut connection comes back by itself"() {
    const name = await user();
    const a = await signedIn(name, "a");
    sockets.findLast((one) => one.url.endsWith("/websocket")).terminate();
    await until("a second connect", () => a.events.filter((e) => e.kind === "onConnected").length === 2, 20_000);
    same(await listed(name), ["webim_web_a"]);
    ok(a.client.getConnectionState() === "connected");
    await close(a);
  },
});
