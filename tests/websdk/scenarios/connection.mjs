// What becomes of a connection that is lost, and of one that does not speak the protocol.
export default ({ close, listed, ok, same, saw, server, signedIn, sockets, until, user }) => ({
  async "a cut connection comes back by itself"() {
    const name = await user();
    const a = await signedIn(name, "a");
    const socket = sockets.at(-1);
    if (socket.terminate) socket.terminate();
    else socket.close();
    await saw(a, "reconnecting");
    await until("a second connect", () => a.events.filter((e) => e.kind === "connected").length === 2);
    same(await listed(name), ["webim_web_a"]);
    close(a);
  },
  async "garbage closes its own connection and touches nobody else"() {
    const name = await user();
    const a = await signedIn(name, "a");
    // The last one is an empty PROVISION, which is refused with a frame as a real one would be.
    for (const garbage of [new Uint8Array([0xff, 0xff, 0xff]), "text", new Uint8Array(400_000), new Uint8Array([0x40, 0x03])]) {
      const raw = new WebSocket(server.ws);
      let ended = false;
      for (const end of ["close", "error", "message"]) raw.addEventListener(end, () => (ended = true));
      await new Promise((open) => raw.addEventListener("open", open));
      raw.send(garbage);
      await until("an answer to garbage", () => ended);
      raw.close();
    }
    same(await listed(name), ["webim_web_a"]);
    ok(!a.events.some((e) => ["disconnected", "reconnecting"].includes(e.kind)));
    close(a);
  },
});
