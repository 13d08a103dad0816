// How many devices one user may have, and who has to go for a newcomer.
const SERVICE = { mode: "multi", default: 4, platforms: {} };

export default ({ asAdmin, close, control, device, listed, ok, refused, same, saw, signedIn, sleep, tokenOf, user }) => ({
  async "the fifth device of a platform evicts the oldest: 206"() {
    const name = await user();
    const four = [];
    for (const id of ["a", "b", "c", "d"]) four.push(await signedIn(name, id));
    const fifth = device("e");
    fifth.connection.setLoginInfoCustomExt("from the fifth");
    await fifth.connection.open({ user: name, pwd: "pw" });
    const { detail } = await saw(four[0], "disconnected", (e) => e.type === 206);
    same(detail.data.loginInfoCustomExt, "from the fifth");
    same(await listed(name), ["b", "c", "d", "e"].map((id) => `webim_web_${id}`));
    await sleep(2000);
    ok(!four[0].events.some((e) => e.kind === "reconnecting"), "the evicted device came back");
    close(...four.slice(1), fifth);
  },
  async "a custom platform has its own place and its own name"() {
    const name = await user();
    const web = [];
    for (const id of ["a", "b", "c", "d"]) web.push(await signedIn(name, id));
    const kiosk = await signedIn(name, "k", { customOSPlatform: 5, customDeviceName: "kiosk" });
    const { body } = await asAdmin("GET", `/users/${name}/resources`);
    const custom = body.data.find((one) => one.res.startsWith("custom5_"));
    same(custom?.device_name, "kiosk", JSON.stringify(body.data));
    same(body.data.length, 5, "platforms evict each other");
    close(...web, kiosk);
  },
  async "a limit of the app, of a custom platform"() {
    await asAdmin("PUT", "/devices/limits", { ...SERVICE, platforms: { custom7: 1, custom8: 0 } });
    try {
      const name = await user();
      const first = await signedIn(name, "a", { customOSPlatform: 7, customDeviceName: "till" });
      const second = await signedIn(name, "b", { customOSPlatform: 7, customDeviceName: "till" });
      await saw(first, "disconnected", (e) => e.type === 206);
      const none = device("c", { customOSPlatform: 8, customDeviceName: "scale" });
      const error = await refused(none.connection.open({ user: name, accessToken: await tokenOf(name) }));
      same(error.type, 214, JSON.stringify(error));
      close(second);
    } finally {
      await asAdmin("PUT", "/devices/limits", SERVICE);
    }
  },
  async "a limit of one user leaves others alone"() {
    const [ann, bob] = [await user(), await user()];
    await asAdmin("PUT", `/users/${ann}/devices/limits`, { mode: "multi", default: 4, platforms: { web: 1 } });
    const [a, b] = [await signedIn(ann, "a"), await signedIn(ann, "b")];
    await saw(a, "disconnected", (e) => e.type === 206);
    same(await listed(ann), ["webim_web_b"]);
    const others = [await signedIn(bob, "a"), await signedIn(bob, "b")];
    same((await listed(bob)).length, 2);
    close(b, ...others);
  },
  async "single-device mode: a newcomer of any platform evicts"() {
    const name = await user();
    await asAdmin("PUT", `/users/${name}/devices/limits`, { mode: "single", default: 4, platforms: {} });
    const web = await signedIn(name, "a");
    const kiosk = await signedIn(name, "k", { customOSPlatform: 5, customDeviceName: "kiosk" });
    await saw(web, "disconnected", (e) => e.type === 206);
    same((await listed(name)).length, 1);
    close(kiosk);
  },
  async "where the newest is refused instead: 214, in single-device mode 220"() {
    const name = await user();
    await asAdmin("PUT", `/users/${name}/devices/limits`, { mode: "multi", default: 1, platforms: {} });
    await control("PUT", "policy", { policy: "refuse" });
    try {
      const a = await signedIn(name, "a");
      const error = await refused(device("b").connection.open({ user: name, accessToken: await tokenOf(name) }));
      same(error.type, 214, JSON.stringify(error));
      await asAdmin("PUT", `/users/${name}/devices/limits`, { mode: "single", default: 4, platforms: {} });
      const other = await refused(device("b").connection.open({ user: name, accessToken: await tokenOf(name) }));
      same(other.type, 220, JSON.stringify(other));
      same(await listed(name), ["webim_web_a"]);
      close(a);
    } finally {
      await control("PUT", "policy", { policy: "evict" });
    }
  },
});
