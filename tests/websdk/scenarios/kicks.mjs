// How sessions end that their devices did not end, and what the devices are told.
export default ({ asAdmin, close, listed, ok, same, saw, signedIn, sleep, user }) => ({
  async "kicked by REST, one device: 217"() {
    const name = await user();
    const [a, b] = [await signedIn(name, "a"), await signedIn(name, "b")];
    await asAdmin("DELETE", `/users/${name}/disconnect/webim_web_a`);
    await saw(a, "error", (e) => e.type === 217);
    await saw(a, "disconnected", (e) => e.type === 217);
    await sleep(2500);
    ok(!a.events.some((e) => e.kind === "reconnecting"), "a kicked device came back");
    same(await listed(name), ["webim_web_b"]);
    close(b);
  },
  async "kicked by REST, all devices: 217"() {
    const name = await user();
    const both = [await signedIn(name, "a"), await signedIn(name, "b")];
    await asAdmin("GET", `/users/${name}/disconnect`);
    for (const one of both) await saw(one, "disconnected", (e) => e.type === 217);
    await sleep(2500);
    ok(!both.some((one) => one.events.some((e) => e.kind === "reconnecting")), "a kicked device came back");
    same(await listed(name), []);
  },
  async "a ban: the connection ends, and coming back is refused with 57"() {
    const name = await user();
    const a = await signedIn(name, "a");
    await asAdmin("POST", `/users/${name}/deactivate`);
    await saw(a, "error", (e) => e.type === 57);
    same(await listed(name), []);
    close(a);
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
});
