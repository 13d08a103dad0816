// What applications call beside messages: threads, history, profiles, lists, reactions, pins, files, presence.
export default ({ close, create, ok, refused, same, saw, server, signedIn, sleep, text, until, user }) => {
  const group = async (by, members) => {
    const data = { groupname: "team", desc: "", members, public: true, approval: false, allowinvites: true };
    return (await by.connection.createGroup({ data })).data.groupid;
  };
  const history = async (at, targetId, chatType = "singleChat") =>
    (await at.connection.getHistoryMessages({ targetId, chatType, pageSize: 20 })).messages;
  const pair = async () => {
    const [ann, bob] = [await user(), await user()];
    return { ann, bob, a: await signedIn(ann, "a"), b: await signedIn(bob, "b") };
  };

  return {
    async "a thread is announced, spoken in, read again and listed"() {
      const { ann, bob, a, b } = await pair();
      const parentId = await group(a, [bob]);
      const { serverMsgId } = await a.connection.send(text(parentId, "parent", "groupChat"));
      const made = await a.connection.createChatThread({ parentId, name: "topic", messageId: serverMsgId });
      const { chatThreadId } = made.data;
      await saw(b, "thread_change", (e) => e.operation === "create" && e.id === chatThreadId && e.operator === ann);
      const inThread = (msg) => create("txt", chatThreadId, { msg, isChatThread: true }, "groupChat");
      same((await refused(b.connection.send(inThread("too early")))).type, 602);
      await b.connection.joinChatThread({ chatThreadId });
      await a.connection.send(inThread("in the thread"));
      const { detail } = await saw(b, "text", (e) => e.msg === "in the thread");
      same([detail.to, detail.chatThread.parentId, detail.chatThread.messageId], [chatThreadId, parentId, serverMsgId]);
      await saw(b, "thread_change", (e) => e.operation === "update" && e.lastMessage?.msg === "in the thread");
      same((await history(b, chatThreadId, "groupChat")).map((m) => m.msg), ["in the thread"]);
      const [parent] = await history(b, parentId, "groupChat");
      same([parent.chatThreadOverview.id, parent.chatThreadOverview.messageCount], [chatThreadId, 1]);
      const members = await a.connection.getChatThreadMembers({ chatThreadId, pageSize: 20 });
      same(members.data.affiliations, [ann, bob].sort());
      const joined = await b.connection.getJoinedChatThreads({ parentId, pageSize: 20 });
      same(joined.entities.map((e) => [e.id, e.parentId]), [[chatThreadId, parentId]]);
      const last = await a.connection.getChatThreadLastMessage({ chatThreadIds: [chatThreadId] });
      same(last.entities[0].lastMessage.msg, "in the thread");
      same((await a.connection.getChatThreadDetail({ chatThreadId })).data.affiliationsCount, 2);
      await a.connection.removeChatThreadMember({ chatThreadId, username: bob });
      await saw(b, "thread_change", (e) => e.operation === "userRemove");
      close(a, b);
    },
    async "history has what was edited, and not what was recalled"() {
      const { ann, bob, a, b } = await pair();
      const { serverMsgId: kept } = await a.connection.send(text(bob, "old"));
      const { serverMsgId: gone } = await a.connection.send(text(bob, "mistake"));
      await saw(b, "text", (e) => e.id === gone);
      const modified = await a.connection.modifyMessage({ messageId: kept, modifiedMessage: text(bob, "new") });
      same(modified.modifiedInfo?.operationCount ?? modified.message?.modifiedInfo?.operationCount, 1);
      await saw(b, "modified", (e) => e.id === kept && e.msg === "new" && e.modifiedInfo.operatorId === ann);
      await a.connection.recallMessage({ mid: gone, to: bob, chatType: "singleChat" });
      await saw(b, "recalled", (e) => e.mid === gone);
      for (const [one, other] of [[a, bob], [b, ann]]) {
        const read = await history(one, other);
        same(read.map((m) => [m.id, m.msg, m.modifiedInfo?.operationCount]), [[kept, "new", 1]]);
      }
      const foreign = await refused(b.connection.modifyMessage({ messageId: kept, modifiedMessage: text(ann, "mine") }));
      ok(foreign.type !== 0);
      close(a, b);
    },
    async "profiles, remarks and pages of contacts"() {
      const { ann, bob, a, b } = await pair();
      await a.connection.updateUserInfo({ nickname: "Ann & co", avatarurl: "http://x/a.png" });
      const infos = await b.connection.fetchUserInfoById([ann, bob]);
      same(infos.data[ann].nickname, "Ann & co");
      await a.connection.addContact(bob, "hi");
      await saw(b, "contact_invited");
      await b.connection.acceptContactInvite(ann);
      await a.connection.setContactRemark({ userId: bob, remark: "Bobby" });
      same((await a.connection.getAllContacts()).data, [{ userId: bob, remark: "Bobby" }]);
      same((await a.connection.getContactsWithCursor({ pageSize: 1 })).data, { cursor: "", contacts: [{ userId: bob, remark: "Bobby" }] });
      close(a, b);
    },
    async "the list of conversations: newest first, unread, pinned, marked"() {
      const { ann, bob, a, b } = await pair();
      const groupId = await group(b, [ann]);
      await b.connection.send(text(ann, "one"));
      await b.connection.send(text(ann, "two"));
      await b.connection.send(text(groupId, "three", "groupChat"));
      const list = async (more = {}) => (await a.connection.getServerConversations({ pageSize: 20, ...more })).data.conversations;
      same(
        (await list()).map((c) => [c.conversationId, c.conversationType, c.unReadCount, c.lastMessage.msg]),
        [[groupId, "groupChat", 1, "three"], [bob, "singleChat", 2, "two"]],
      );
      await a.connection.send(create("channel", bob, {}));
      same((await list())[1].unReadCount, 0);
      await a.connection.pinConversation({ conversationId: bob, conversationType: "singleChat", isPinned: true });
      const pinned = await a.connection.getServerPinnedConversations({ pageSize: 20 });
      same(pinned.data.conversations.map((c) => [c.conversationId, c.isPinned]), [[bob, true]]);
      await a.connection.addConversationMark({ conversations: [{ conversationId: groupId, conversationType: "groupChat" }], mark: 1 });
      const marked = await a.connection.getServerConversationsByFilter({ pageSize: 10, filter: { mark: 1 } });
      same(marked.data.conversations.map((c) => c.conversationId), [groupId]);
      await a.connection.deleteConversation({ channel: groupId, chatType: "groupChat", deleteRoam: true });
      same((await list()).map((c) => c.conversationId), [bob]);
      close(a, b);
    },
    async "reactions and pinned messages"() {
      const { ann, bob, a, b } = await pair();
      const { serverMsgId: messageId } = await a.connection.send(text(bob, "react"));
      await b.connection.addReaction({ messageId, reaction: "like" });
      const { detail } = await saw(a, "reaction", (e) => e.messageId === messageId);
      same([detail.reactions[0].count, detail.reactions[0].userList], [1, [bob]]);
      const [again] = await history(b, ann);
      same([again.reactions[0].reaction, again.reactions[0].isAddedBySelf], ["like", true]);
      const list = await a.connection.getReactionlist({ chatType: "singleChat", messageId });
      same(list.data[0].reactionList[0].userList, [bob]);
      same((await a.connection.getReactionDetail({ messageId, reaction: "like" })).data.userList, [bob]);
      await b.connection.deleteReaction({ messageId, reaction: "like" });
      await until("a reaction that is gone", () => a.events.some((e) => e.kind === "reaction" && e.detail.reactions[0].count === 0));
      await a.connection.pinMessage({ conversationId: bob, conversationType: "singleChat", messageId });
      await saw(b, "pin", (e) => e.messageId === messageId && e.operation === "pin" && e.conversationId === ann);
      const pins = await b.connection.getServerPinnedMessages({ conversationId: ann, conversationType: "singleChat" });
      same(pins.data.list.map((p) => [p.message.msg, p.operatorId]), [["react", ann]]);
      close(a, b);
    },
    async "groups: details, announcement, allow list, receipts"() {
      const { ann, bob, a, b } = await pair();
      const [groupId, other] = [await group(a, [bob]), await group(a, [])];
      const both = await a.connection.getGroupInfo({ groupId: [groupId, other] });
      same(both.data.map((g) => g.id).sort(), [groupId, other].sort());
      const joined = await a.connection.getJoinedGroups({ pageNum: 0, pageSize: 20, needAffiliations: true, needRole: true });
      same(joined.entities.map((g) => [g.groupId, g.role, g.affiliationsCount]), [[other, "owner", 1], [groupId, "owner", 2]]);
      await a.connection.updateGroupAnnouncement({ groupId, announcement: "at ten" });
      await saw(b, "group", (e) => e.operation === "updateAnnouncement" && e.announcement === "at ten");
      same((await b.connection.fetchGroupAnnouncement({ groupId })).data.announcement, "at ten");
      await a.connection.disableSendGroupMsg({ groupId });
      await a.connection.addUsersToGroupAllowlist({ groupId, users: [bob] });
      await b.connection.send(text(groupId, "allowed", "groupChat"));
      same((await a.connection.isInGroupAllowlist({ groupId, userName: bob })).data.white, true);
      const asking = create("txt", groupId, { msg: "read?", msgConfig: { allowGroupAck: true } }, "groupChat");
      const { serverMsgId } = await a.connection.send(asking);
      await saw(b, "text", (e) => e.id === serverMsgId);
      await b.connection.send(create("read", groupId, { id: serverMsgId, ackContent: "{}" }, "groupChat"));
      await saw(a, "read", (e) => e.mid === serverMsgId && e.groupReadCount[serverMsgId] === 1);
      const readers = await a.connection.getGroupMsgReadUser({ groupId, msgId: serverMsgId });
      same(readers.data.map((r) => r.ack_user), [bob]);
      close(a, b);
    },
    async "silent mode, told to the other devices"() {
      const name = await user();
      const [a, a2] = [await signedIn(name, "a"), await signedIn(name, "a2")];
      await a.connection.setSilentModeForConversation({ conversationId: "g1", type: "groupChat", options: { paramType: 0, remindType: "NONE" } });
      await saw(a2, "multi_device", (e) => e.operation === "setSilentModeForConversation" && e.conversationId === "g1");
      const one = await a2.connection.getSilentModeForConversation({ conversationId: "g1", type: "groupChat" });
      same(one.data.type, "NONE");
      const many = await a.connection.getSilentModeForConversations({ conversationList: [{ id: "g1", type: "groupChat" }] });
      same(many.data.group.g1.type, "NONE");
      await a.connection.setPushPerformLanguage({ language: "en" });
      same((await a.connection.getPushPerformLanguage()).data.language, "en");
      close(a, a2);
    },
    async "presence is told to whoever follows"() {
      const { ann, bob, a, b } = await pair();
      await a.connection.subscribePresence({ usernames: [bob], expiry: 600 });
      await b.connection.publishPresence({ description: "busy" });
      await saw(a, "presence", (list) => list[0].userId === bob && list[0].ext === "busy");
      close(b);
      await saw(a, "presence", (list) => list[0].userId === bob && list[0].statusDetails.every((s) => s.status === 0));
      close(a);
    },
    async "a file is uploaded and read back"() {
      const { ann, a } = await (async () => { const { ann, a, b } = await pair(); close(b); return { ann, a }; })();
      const boundary = "xyz";
      const content = "\u0001picture\r\n--";
      const head = 'Content-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n';
      const body = `--${boundary}\r\n${head}${content}\r\n--${boundary}--\r\n`;
      const headers = { Authorization: `Bearer ${a.connection.token}`, "Content-Type": `multipart/form-data; boundary=${boundary}` };
      const sent = await (await fetch(`${server.app_root}/chatfiles`, { method: "POST", headers, body })).json();
      const url = `${sent.uri}/${sent.entities[0].uuid}`;
      const read = await fetch(`${url}?em-redirect=true&share-secret=${sent.entities[0]["share-secret"]}`);
      same([read.status, read.headers.get("content-type"), await read.text()], [200, "image/png", content]);
      same((await fetch(`${sent.uri}/nothing`)).status, 404);
      ok(ann);
      close(a);
    },
  };
};
