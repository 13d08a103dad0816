// Who is let in, and under which login id.
export default ({ asAdmin, close, control, device, listed, ok, refused, rest, same, saw, signedIn, sleep, tokenOf, until, user }) => ({
  async "password sign-in, listed by REST"() {
    const name = await user();
    const a = await signedIn(name, "a");
    same(await listed(name), ["webim_web_a"]);
    close(a);
    await until("the list to be empty", async () => (await listed(name)).length === 0);
  },
  async "token sign-in"() {
    const name = await user();
    const a = device("a");
    await a.connection.open({ user: name, accessToken: await tokenOf(name) });
    same(await listed(name), ["webim_web_a"]);
    close(a);
  },
  async "wrong password, bad token, unknown user, banned user"() {
    const name = await user();
    const wrong = await refused(device("a").connection.open({ user: name, pwd: "no" }));
    same(wrong.type, 1, JSON.stringify(wrong));
    const bad = await refused(device("a").connection.open({ user: name, accessToken: "YWMtbad" }));
    same(bad.type, 28, JSON.stringify(bad));
    const nobody = await refused(device("a").connection.open({ user: "nobody9", accessToken: "YWMtbad" }));
    same(nobody.type, 204, JSON.stringify(nobody));
    const accessToken = await tokenOf(name);
    await asAdmin("POST", `/users/${name}/deactivate`);
    const banned = await refused(device("a").connection.open({ user: name, accessToken }));
    same(banned.type, 57, JSON.stringify(banned));
  },
  async "a token that runs out while the device is online"() {
    const name = await user();
    const a = device("a");
    await a.connection.open({ user: name, accessToken: await tokenOf(name, 3) });
    await saw(a, "token_will_expire");
    await saw(a, "token_expired");
    await until("the list to be empty", async () => (await listed(name)).length === 0);
  },
  async "a token is renewed while the device is online"() {
    const name = await user();
    const a = device("a");
    await a.connection.open({ user: name, accessToken: await tokenOf(name, 4) });
    const renewed = await a.connection.renewToken(await tokenOf(name, 3600));
    same(renewed.status, true, JSON.stringify(renewed));
    ok(renewed.expire > Date.now() + 3_500_000, `it ends at ${renewed.expire}`);
    await sleep(5000);
    same(a.events.filter((e) => e.kind === "token_expired"), []);
    same(await listed(name), ["webim_web_a"]);
    // The token of somebody else is none.
    await refused(a.connection.renewToken(await tokenOf(await user())));
    close(a);
  },
  async "a token that has run out, and one of a deleted user"() {
    const name = await user();
    const accessToken = await tokenOf(name, 5);
    await control("POST", "clock/advance", { seconds: 6 });
    const late = await refused(device("a").connection.open({ user: name, accessToken }));
    same(late.type, 56, JSON.stringify(late));
    const good = await tokenOf(name);
    await asAdmin("DELETE", `/users/${name}`);
    const gone = await refused(device("a").connection.open({ user: name, accessToken: good }));
    same(gone.type, 204, JSON.stringify(gone));
  },
  async "own login ids on other devices"() {
    const name = await user();
    const [a, b] = [await signedIn(name, "a"), await signedIn(name, "b")];
    const own = await a.connection.getSelfIdsOnOtherPlatform();
    same(own.data, [`${name}/webim_web_b`]);
    // The list is one's own: nobody else's token reads it.
    const token = await tokenOf(await user());
    same((await rest("GET", `/users/${name}/resources`, undefined, token)).status, 401);
    close(a, b);
  },
  async "the same login id again takes its own place"() {
    const name = await user();
    const first = await signedIn(name, "a");
    const second = await signedIn(name, "a");
    await until("one device", async () => (await listed(name)).length === 1);
    close(first);
    await sleep(300);
    same(await listed(name), ["webim_web_a"]);
    close(second);
  },
  async "a second tab with the same login id kicks the first: 206"() {
    const name = await user();
    const first = await signedIn(name, "a");
    const second = device("a");
    second.connection.setLoginInfoCustomExt("from the second tab");
    await second.connection.open({ user: name, pwd: "pw" });
    const { detail } = await saw(first, "disconnected", (e) => e.type === 206);
    same(detail.data.loginInfoCustomExt, "from the second tab");
    // None of them comes back and takes the place of the other.
    await sleep(2500);
    const seen = [first, second].map((one) => one.events.filter((e) => e.kind === "reconnecting").length);
    same([seen, second.events.some((e) => e.kind === "disconnected")], [[0, 0], false]);
    same(await listed(name), ["webim_web_a"]);
    close(second);
  },
  async "fresh devices at the same time do not collide"() {
    const name = await user();
    const fresh = { isFixedDeviceId: false, deviceId: undefined };
    const both = [device("one", fresh), device("two", fresh)];
    await Promise.all(both.map((each) => each.connection.open({ user: name, pwd: "pw" })));
    same((await listed(name)).length, 2);
    close(...both);
  },
});
