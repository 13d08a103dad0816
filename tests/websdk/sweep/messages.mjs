// Messages, conversations, and what is kept of them.
export default ({ ann, bob, a, b, same, ok, saw, text, create, until, device, closed }) => {
  let sent;
  const ids = (messages) => messages.map((one) => one.id);
  const history = async () => (await a.connection.getHistoryMessages({ targetId: bob, chatType: "singleChat", pageSize: 20 })).messages;
  const conversation = { conversationId: bob, conversationType: "singleChat" };
  const conversations = async (call, more) => (await a.connection[call]({ pageSize: 20, ...more })).data.conversations;

  return {
    send: async () => {
      sent = (await a.connection.send(text(bob, "hello"))).serverMsgId;
      await saw(b, "text", (one) => one.id === sent);
      await b.connection.send(text(ann, "hello back"));
      await saw(a, "text", (one) => one.msg === "hello back");
    },
    modifyMessage: async () => {
      await a.connection.modifyMessage({ messageId: sent, modifiedMessage: text(bob, "hello again") });
      await saw(b, "modified", (one) => one.id === sent && one.msg === "hello again");
    },
    getHistoryMessages: async () => same((await history()).map((one) => one.msg).sort(), ["hello again", "hello back"]),
    fetchHistoryMessages: async () => {
      const read = await a.connection.fetchHistoryMessages({ queue: bob, count: 20 });
      same(read.map((one) => one.msg ?? one.data).sort(), ["hello again", "hello back"]);
    },
    addReaction: async () => {
      await b.connection.addReaction({ messageId: sent, reaction: "like" });
      await saw(a, "reaction", (one) => one.messageId === sent);
    },
    getReactionlist: async () => {
      const { data } = await a.connection.getReactionlist({ chatType: "singleChat", messageId: sent });
      same(data[0].reactionList[0].userList, [bob]);
    },
    getReactionDetail: async () => same((await a.connection.getReactionDetail({ messageId: sent, reaction: "like" })).data.userList, [bob]),
    deleteReaction: async () => {
      await b.connection.deleteReaction({ messageId: sent, reaction: "like" });
      await until("no reaction", async () => {
        const { data } = await a.connection.getReactionlist({ chatType: "singleChat", messageId: sent });
        return !data[0]?.reactionList?.length;
      });
    },
    pinMessage: async () => {
      await a.connection.pinMessage({ ...conversation, messageId: sent });
      await saw(b, "pin", (one) => one.messageId === sent && one.operation === "pin");
    },
    getServerPinnedMessages: async () =>
      same((await a.connection.getServerPinnedMessages({ ...conversation })).data.list.map((one) => one.message.id), [sent]),
    unpinMessage: async () => {
      await a.connection.unpinMessage({ ...conversation, messageId: sent });
      await saw(b, "pin", (one) => one.messageId === sent && one.operation === "unpin");
    },
    reportMessage: () => a.connection.reportMessage({ messageId: sent, reportType: "spam", reportReason: "it is" }),

    getServerConversations: async () => same((await conversations("getServerConversations")).map((one) => one.conversationId), [bob]),
    getConversationlist: async () => {
      const { data } = await a.connection.getConversationlist({ pageNum: 1, pageSize: 20 });
      ok(data.channel_infos.length === 1 && data.channel_infos[0].channel_id.includes(bob), JSON.stringify(data));
    },
    getSessionList: async () => {
      const { data } = await a.connection.getSessionList();
      ok(data.channel_infos.length === 1 && data.channel_infos[0].channel_id.includes(bob), JSON.stringify(data));
    },
    pinConversation: async () => same((await a.connection.pinConversation({ ...conversation, isPinned: true })).data.isPinned, true),
    getServerPinnedConversations: async () =>
      same((await conversations("getServerPinnedConversations")).map((one) => one.conversationId), [bob]),
    addConversationMark: async () => {
      await a.connection.addConversationMark({ conversations: [conversation], mark: 3 });
    },
    getServerConversationsByFilter: async () =>
      same((await conversations("getServerConversationsByFilter", { filter: { mark: 3 } })).map((one) => one.conversationId), [bob]),
    removeConversationMark: async () => {
      await a.connection.removeConversationMark({ conversations: [conversation], mark: 3 });
      same(await conversations("getServerConversationsByFilter", { filter: { mark: 3 } }), []);
    },
    recallMessage: async () => {
      const { serverMsgId } = await a.connection.send(text(bob, "mistake"));
      await saw(b, "text", (one) => one.id === serverMsgId);
      await a.connection.recallMessage({ mid: serverMsgId, to: bob, chatType: "singleChat" });
      await saw(b, "recalled", (one) => one.mid === serverMsgId);
    },
    downloadAndParseCombineMessage: async () => {
      const file = new Blob([""], { type: "application/octet-stream" });
      const combined = create("combine", bob, {
        compatibleText: "old", title: "Notes", summary: "two", messageList: await history(), onFileUploadComplete: () => {},
      });
      ok(file);
      await a.connection.send(combined);
      const { detail } = await saw(b, "combine", (one) => one.title === "Notes");
      const read = await b.connection.downloadAndParseCombineMessage({ url: detail.url, secret: detail.secret });
      same(read.map((one) => one.msg).sort(), ["hello again", "hello back"]);
    },
    removeHistoryMessages: async () => {
      await a.connection.removeHistoryMessages({ targetId: bob, chatType: "singleChat", messageIds: [sent] });
      ok(!ids(await history()).includes(sent));
    },
    deleteConversation: async () => {
      await a.connection.deleteConversation({ channel: bob, chatType: "singleChat", deleteRoam: true });
      same(await conversations("getServerConversations"), []);
    },
    deleteAllMessagesAndConversations: async () => {
      await a.connection.send(text(bob, "one more"));
      await a.connection.deleteAllMessagesAndConversations();
      same([await conversations("getServerConversations"), await history()], [[], []]);
    },
  };
};
