// Chat rooms.
export default ({ ann, bob, eve, a, b, e, same, ok, saw, text, asAdmin, refused, uploaded, sleep }) => {
  let chatRoomId, file;
  const told = (at, operation, fits = () => true) =>
    saw(at, "room", (one) => one.operation === operation && one.id === chatRoomId && fits(one));
  const members = async () => {
    const { data } = await a.connection.listChatRoomMembers({ chatRoomId, pageNum: 1, pageSize: 100 });
    return data.map((one) => one.owner ?? one.member).sort();
  };
  const details = async () => (await a.connection.getChatRoomDetails({ chatRoomId })).data[0];
  const muted = async () => (await a.connection.getChatRoomMutelist({ chatRoomId })).data.map((one) => one.user);
  const blocked = async () => (await a.connection.getChatRoomBlocklist({ chatRoomId })).data;
  const allowed = async () => (await a.connection.getChatRoomAllowlist({ chatRoomId })).data;
  const attributes = async () => (await b.connection.getChatRoomAttributes({ chatRoomId })).data;

  return {
    createChatRoom: async () => {
      chatRoomId = (await a.connection.createChatRoom({ name: "hall", description: "d", maxusers: 200, members: [] })).data.id;
      ok(chatRoomId);
    },
    getChatRooms: async () => {
      const { data } = await b.connection.getChatRooms({ pagenum: 1, pagesize: 20 });
      ok(data.some((one) => one.id === chatRoomId && one.name === "hall"));
    },
    joinChatRoom: async () => {
      const joined = await b.connection.joinChatRoom({ roomId: chatRoomId, ext: "from the lobby" });
      same([joined.data.id, joined.data.result, joined.data.info.memberCount], [chatRoomId, true, 2]);
      await told(a, "memberPresence", (one) => one.from === bob && one.ext === "from the lobby" && one.memberCount === 2);
      await refused(e.connection.joinChatRoom({ roomId: "1" }));
      await b.connection.send(text(chatRoomId, "hello hall", "chatRoom"));
      await saw(a, "text", (one) => one.msg === "hello hall" && one.chatType === "chatRoom" && one.to === chatRoomId);
      await refused(e.connection.send(text(chatRoomId, "not in it", "chatRoom")));
    },
    getChatRoomDetails: async () => {
      const { name, owner, affiliations_count } = await details();
      same([name, owner, affiliations_count], ["hall", ann, 2]);
    },
    modifyChatRoom: async () => {
      await a.connection.modifyChatRoom({ chatRoomId, chatRoomName: "big hall", description: "other", maxusers: 300 });
      const { name, description, maxusers } = await details();
      same([name, description, maxusers], ["big hall", "other", 300]);
    },
    getJoinedChatRooms: async () => {
      const { data } = await b.connection.getJoinedChatRooms({ pageNum: 1, pageSize: 10 });
      same(data.map((one) => [one.id, one.name, one.owner]), [[chatRoomId, "big hall", ann]]);
    },
    listChatRoomMembers: async () => same(await members(), [ann, bob].sort()),
    getChatRoomMembers: async () => {
      const { data } = await a.connection.getChatRoomMembers({ chatRoomId, limit: 10 });
      same(data.members.map((one) => [one.userId, one.role]).sort(), [[ann, "owner"], [bob, "member"]].sort());
    },
    setChatRoomAdmin: async () => {
      await a.connection.setChatRoomAdmin({ chatRoomId, username: bob });
      await told(b, "setAdmin");
    },
    getChatRoomAdmin: async () => same((await a.connection.getChatRoomAdmin({ chatRoomId })).data, [bob]),
    removeChatRoomAdmin: async () => {
      await a.connection.removeChatRoomAdmin({ chatRoomId, username: bob });
      same((await a.connection.getChatRoomAdmin({ chatRoomId })).data, []);
    },
    muteChatRoomMember: async () => {
      await a.connection.muteChatRoomMember({ chatRoomId, username: bob, muteDuration: 60_000 });
      await refused(b.connection.send(text(chatRoomId, "hm", "chatRoom")));
    },
    getChatRoomMutelist: async () => same(await muted(), [bob]),
    isInChatRoomMutelist: async () => same((await b.connection.isInChatRoomMutelist({ chatRoomId })).data, true),
    unmuteChatRoomMember: async () => {
      await a.connection.unmuteChatRoomMember({ chatRoomId, username: bob });
      same(await muted(), []);
    },
    disableSendChatRoomMsg: async () => {
      await a.connection.disableSendChatRoomMsg({ chatRoomId });
      await refused(b.connection.send(text(chatRoomId, "hm", "chatRoom")));
    },
    addUsersToChatRoomAllowlist: async () => {
      await a.connection.addUsersToChatRoomAllowlist({ chatRoomId, users: [bob] });
      await b.connection.send(text(chatRoomId, "allowed", "chatRoom"));
    },
    getChatRoomAllowlist: async () => same(await allowed(), [bob]),
    isInChatRoomAllowlist: async () => same((await a.connection.isInChatRoomAllowlist({ chatRoomId, userName: bob })).data.white, true),
    removeChatRoomAllowlistMember: async () => {
      await a.connection.removeChatRoomAllowlistMember({ chatRoomId, userName: bob });
      same(await allowed(), []);
    },
    enableSendChatRoomMsg: async () => {
      await a.connection.enableSendChatRoomMsg({ chatRoomId });
      await b.connection.send(text(chatRoomId, "speaking", "chatRoom"));
    },
    updateChatRoomAnnouncement: async () => {
      await a.connection.updateChatRoomAnnouncement({ roomId: chatRoomId, announcement: "at ten" });
      await told(b, "updateAnnouncement");
    },
    fetchChatRoomAnnouncement: async () =>
      same((await b.connection.fetchChatRoomAnnouncement({ roomId: chatRoomId })).data.announcement, "at ten"),
    setChatRoomAttributes: async () => {
      const set = await a.connection.setChatRoomAttributes({ chatRoomId, attributes: { song: "1", lamp: "on" } });
      same([set.data.status, set.data.successKeys.sort()], ["success", ["lamp", "song"]]);
      await told(b, "updateChatRoomAttributes", (one) => one.attributes.song === "1");
    },
    setChatRoomAttribute: async () => {
      await refused(b.connection.setChatRoomAttribute({ chatRoomId, attributeKey: "song", attributeValue: "2" }));
      await b.connection.setChatRoomAttribute({ chatRoomId, attributeKey: "song", attributeValue: "3", isForced: true });
    },
    getChatRoomAttributes: async () => {
      same(await attributes(), { lamp: "on", song: "3" });
      same((await b.connection.getChatRoomAttributes({ chatRoomId, attributeKeys: ["lamp"] })).data, { lamp: "on" });
    },
    removeChatRoomAttribute: async () => {
      await b.connection.removeChatRoomAttribute({ chatRoomId, attributeKey: "song" });
      await told(a, "removeChatRoomAttributes", (one) => one.attributes.includes("song"));
    },
    removeChatRoomAttributes: async () => {
      const removed = await a.connection.removeChatRoomAttributes({ chatRoomId, attributeKeys: ["lamp", "nothing"], isForced: true });
      same(removed.data.successKeys, ["lamp"]);
      same(await attributes(), {});
    },
    uploadChatRoomSharedFile: async () => {
      file = (await uploaded(a, "uploadChatRoomSharedFile", { roomId: chatRoomId })).data.file_id;
    },
    getChatRoomSharedFilelist: async () =>
      same((await b.connection.getChatRoomSharedFilelist({ roomId: chatRoomId })).data.map((one) => one.file_id), [file]),
    deleteChatRoomSharedFile: async () => {
      await a.connection.deleteChatRoomSharedFile({ roomId: chatRoomId, fileId: file });
      same((await b.connection.getChatRoomSharedFilelist({ roomId: chatRoomId })).data, []);
    },
    leaveChatRoom: async () => {
      await b.connection.leaveChatRoom({ roomId: chatRoomId });
      await told(a, "memberAbsence", (one) => one.from === bob && one.memberCount === 1);
      same(await members(), [ann]);
    },
    addUsersToChatRoom: async () => {
      await a.connection.addUsersToChatRoom({ chatRoomId, users: [bob, eve] });
      same(await members(), [ann, bob, eve].sort());
    },
    removeChatRoomMember: async () => {
      await a.connection.removeChatRoomMember({ chatRoomId, username: eve });
      await told(e, "removeMember");
      same(await members(), [ann, bob].sort());
    },
    removeChatRoomMembers: async () => {
      await a.connection.addUsersToChatRoom({ chatRoomId, users: [eve] });
      await a.connection.removeChatRoomMembers({ chatRoomId, users: [bob, eve] });
      same(await members(), [ann]);
    },
    blockChatRoomMember: async () => {
      await b.connection.joinChatRoom({ roomId: chatRoomId });
      await e.connection.joinChatRoom({ roomId: chatRoomId });
      await a.connection.blockChatRoomMember({ chatRoomId, username: bob });
      await refused(b.connection.joinChatRoom({ roomId: chatRoomId }));
    },
    getChatRoomBlocklist: async () => same(await blocked(), [bob]),
    unblockChatRoomMember: async () => {
      await a.connection.unblockChatRoomMember({ chatRoomId, username: bob });
      same(await blocked(), []);
    },
    blockChatRoomMembers: async () => {
      await a.connection.blockChatRoomMembers({ chatRoomId, usernames: [eve] });
      same(await blocked(), [eve]);
    },
    unblockChatRoomMembers: async () => {
      await a.connection.unblockChatRoomMembers({ chatRoomId, usernames: [eve] });
      same(await blocked(), []);
      await b.connection.joinChatRoom({ roomId: chatRoomId });
    },
    destroyChatRoom: async () => {
      await a.connection.destroyChatRoom({ chatRoomId });
      await told(b, "destroy");
    },
  };
};
