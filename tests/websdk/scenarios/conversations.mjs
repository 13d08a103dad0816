// What one device does to a conversation, and what the user's other devices are told.
export default ({ close, ok, same, saw, signedIn, text, until, user }) => ({
  async "pinned, marked, deleted"() {
    const name = await user();
    const [a, b] = [await signedIn(name, "a"), await signedIn(name, "b")];
    const peer = { conversationId: "peer1", conversationType: "singleChat" };
    const told = async (operation, fits = () => true) => {
      const { detail } = await saw(b, "multi_device", (e) => e.operation === operation && fits(e));
      same(detail.conversationId, "peer1", JSON.stringify(detail));
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
    ok(!a.events.some((e) => e.kind === "multi_device"), "the acting device was told of its own act");
    close(a, b);
  },
  async "roaming messages deleted by id and by time, for oneself only"() {
    const [ann, bob] = [await user(), await user()];
    const [a, a2, b] = [await signedIn(ann, "a"), await signedIn(ann, "a2"), await signedIn(bob, "b")];
    const ids = [];
    for (let i = 0; i < 4; i++) ids.push((await a.connection.send(text(bob, `m${i}`))).serverMsgId);
    const history = async (by, targetId) => {
      const page = await by.connection.getHistoryMessages({ targetId, chatType: "singleChat", pageSize: 20, cursor: -1, searchDirection: "up" });
      return page.messages.map((m) => m.msg);
    };
    const peer = { targetId: bob, chatType: "singleChat" };
    const told = (count) =>
      until(`deleteRoaming ${count}`, () => {
        const seen = a2.events.filter((e) => e.detail?.operation === "deleteRoaming" && e.detail.conversationId === bob);
        return seen.length === count;
      });
    await a.connection.removeHistoryMessages({ ...peer, messageIds: ids.slice(0, 2) });
    await told(1);
    same(await history(a, bob), ["m3", "m2"]);
    await a.connection.removeHistoryMessages({ ...peer, beforeTimeStamp: Date.now() + 3_600_000 });
    await told(2);
    same(await history(a, bob), []);
    same(await history(b, ann), ["m3", "m2", "m1", "m0"], "the other side lost its copies");
    close(a, a2, b);
  },
});
