// Groups, and threads in them.
export default ({ ann, bob, eve, a, b, e, same, ok, saw, text, until, refused, uploaded, downloaded }) => {
  let groupId, file, chatThreadId, message;
  const make = async (more = {}) => {
    const data = { groupname: "team", desc: "d", members: [bob], public: true, approval: false, allowinvites: true, ...more };
    return (await a.connection.createGroup({ data })).data.groupid;
  };
  const told = (at, operation, id = groupId) => saw(at, "group", (one) => one.operation === operation && one.id === id);
  const members = async () => {
    const { data } = await a.connection.listGroupMembers({ groupId, pageNum: 1, pageSize: 100 });
    return data.map((one) => one.owner ?? one.member).sort();
  };
  const info = async () => (await a.connection.getGroupInfo({ groupId })).data[0];
  const muted = async () => (await a.connection.getGroupMutelist({ groupId })).data.map((one) => one.user);
  const blocked = async () => (await a.connection.getGroupBlocklist({ groupId })).data;
  const allowed = async () => (await a.connection.getGroupAllowlist({ groupId })).data;

  return {
    createGroup: async () => {
      groupId = await make();
      await told(b, "directJoined");
    },
    createGroupVNext: async () => {
      const data = { groupName: "next", description: "d", members: [bob], inviteNeedConfirm: false };
      const made = (await a.connection.createGroupVNext(data)).data;
      await told(b, "directJoined", made.groupId ?? made.groupid);
    },
    getGroupInfo: async () => same((await info()).name, "team"),
    getGroup: async () => ok((await a.connection.getGroup()).data.some((one) => one.groupid === groupId)),
    getJoinedGroups: async () =>
      ok((await a.connection.getJoinedGroups({ pageNum: 1, pageSize: 20 })).data.some((one) => one.groupid === groupId)),
    getJoinedGroupsCount: async () => same((await a.connection.getJoinedGroupsCount()).data, 2),
    getPublicGroups: async () => ok((await e.connection.getPublicGroups({ limit: 20 })).data.some((one) => one.groupid === groupId)),
    modifyGroup: async () => {
      await a.connection.modifyGroup({ groupId, groupName: "crew", description: "other" });
      const { name, description } = await info();
      same([name, description], ["crew", "other"]);
    },
    listGroupMembers: async () => same(await members(), [ann, bob].sort()),
    getGroupMembers: async () => {
      const { data } = await a.connection.getGroupMembers({ groupId, limit: 10 });
      const all = data.members ?? data;
      same(all.map((one) => [one.userId, one.role]).sort(), [[ann, "owner"], [bob, "member"]].sort());
    },
    setGroupAdmin: async () => {
      await a.connection.setGroupAdmin({ groupId, username: bob });
      await told(b, "setAdmin");
    },
    getGroupAdmin: async () => same((await a.connection.getGroupAdmin({ groupId })).data, [bob]),
    removeGroupAdmin: async () => {
      await a.connection.removeGroupAdmin({ groupId, username: bob });
      same((await a.connection.getGroupAdmin({ groupId })).data, []);
    },
    muteGroupMember: async () => {
      await a.connection.muteGroupMember({ groupId, username: bob, muteDuration: 60_000 });
      await refused(b.connection.send(text(groupId, "hm", "groupChat")));
    },
    getGroupMutelist: async () => same(await muted(), [bob]),
    isInGroupMutelist: async () => same((await b.connection.isInGroupMutelist({ groupId })).data, true),
    unmuteGroupMember: async () => {
      await a.connection.unmuteGroupMember({ groupId, username: bob });
      same(await muted(), []);
    },
    disableSendGroupMsg: async () => {
      await a.connection.disableSendGroupMsg({ groupId });
      await refused(b.connection.send(text(groupId, "hm", "groupChat")));
    },
    addUsersToGroupAllowlist: async () => {
      await a.connection.addUsersToGroupAllowlist({ groupId, users: [bob] });
      await b.connection.send(text(groupId, "allowed", "groupChat"));
    },
    getGroupAllowlist: async () => same(await allowed(), [bob]),
    isInGroupAllowlist: async () => same((await a.connection.isInGroupAllowlist({ groupId, userName: bob })).data.white, true),
    removeGroupAllowlistMember: async () => {
      await a.connection.removeGroupAllowlistMember({ groupId, userName: bob });
      same(await allowed(), []);
    },
    enableSendGroupMsg: async () => {
      await a.connection.enableSendGroupMsg({ groupId });
      await b.connection.send(text(groupId, "speaking", "groupChat"));
    },
    updateGroupAnnouncement: async () => {
      await a.connection.updateGroupAnnouncement({ groupId, announcement: "at ten" });
      await told(b, "updateAnnouncement");
    },
    fetchGroupAnnouncement: async () => same((await b.connection.fetchGroupAnnouncement({ groupId })).data.announcement, "at ten"),
    setGroupMemberAttributes: async () => {
      await a.connection.setGroupMemberAttributes({ groupId, userId: ann, memberAttributes: { nick: "A" } });
      await told(b, "memberAttributesUpdate");
    },
    getGroupMemberAttributes: async () => same((await b.connection.getGroupMemberAttributes({ groupId, userId: ann })).data, { nick: "A" }),
    getGroupMembersAttributes: async () =>
      same((await b.connection.getGroupMembersAttributes({ groupId, userIds: [ann, bob], keys: ["nick"] })).data, { [ann]: { nick: "A" }, [bob]: {} }),
    uploadGroupSharedFile: async () => {
      file = (await uploaded(a, "uploadGroupSharedFile", { groupId })).data.file_id;
      await told(b, "uploadFile");
    },
    getGroupSharedFilelist: async () => {
      const { data } = await b.connection.getGroupSharedFilelist({ groupId });
      same(data.map((one) => [one.file_id, one.file_name, one.file_owner]), [[file, "notes.txt", ann]]);
    },
    downloadGroupSharedFile: async () => same(await downloaded(b, "downloadGroupSharedFile", { groupId, fileId: file }), "shared notes"),
    deleteGroupSharedFile: async () => {
      await a.connection.deleteGroupSharedFile({ groupId, fileId: file });
      await told(b, "deleteFile");
      same((await b.connection.getGroupSharedFilelist({ groupId })).data, []);
    },
    getGroupMsgReadUser: async () => {
      const asking = a.connection && text(groupId, "read?", "groupChat");
      asking.msgConfig = { allowGroupAck: true };
      const { serverMsgId } = await a.connection.send(asking);
      await saw(b, "text", (one) => one.id === serverMsgId);
      const receipt = { type: "read", chatType: "groupChat", to: groupId, id: serverMsgId, ackContent: "{}" };
      await b.connection.send(b.create(receipt));
      await until("a reader", async () => {
        const { data } = await a.connection.getGroupMsgReadUser({ groupId, msgId: serverMsgId });
        return data.length === 1 && data[0].ack_user === bob;
      });
    },
    blockGroupMessage: async () => {
      await b.connection.blockGroupMessage({ groupId });
      same((await b.connection.getGroupInfo({ groupId })).data[0].shieldgroup, true);
    },
    unblockGroupMessage: async () => {
      await b.connection.unblockGroupMessage({ groupId });
      same((await b.connection.getGroupInfo({ groupId })).data[0].shieldgroup, false);
    },
    blockGroupMessages: async () => {
      await b.connection.blockGroupMessages({ groupId });
    },

    createChatThread: async () => {
      message = (await a.connection.send(text(groupId, "parent", "groupChat"))).serverMsgId;
      chatThreadId = (await a.connection.createChatThread({ parentId: groupId, name: "topic", messageId: message })).data.chatThreadId;
      await saw(b, "thread_change", (one) => one.operation === "create" && one.id === chatThreadId);
    },
    joinChatThread: async () => {
      await b.connection.joinChatThread({ chatThreadId });
    },
    getChatThreadMembers: async () =>
      same((await a.connection.getChatThreadMembers({ chatThreadId, pageSize: 20 })).data.affiliations.sort(), [ann, bob].sort()),
    getJoinedChatThreads: async () =>
      same((await b.connection.getJoinedChatThreads({ parentId: groupId, pageSize: 20 })).entities.map((one) => one.id), [chatThreadId]),
    getChatThreads: async () =>
      same((await a.connection.getChatThreads({ parentId: groupId, pageSize: 20 })).entities.map((one) => one.id), [chatThreadId]),
    getChatThreadDetail: async () => same((await a.connection.getChatThreadDetail({ chatThreadId })).data.affiliationsCount, 2),
    changeChatThreadName: async () => {
      await a.connection.changeChatThreadName({ chatThreadId, name: "other" });
      same((await a.connection.getChatThreadDetail({ chatThreadId })).data.name, "other");
    },
    getChatThreadLastMessage: async () => {
      const said = text(chatThreadId, "in it", "groupChat");
      said.isChatThread = true;
      await b.connection.send(said);
      const last = await a.connection.getChatThreadLastMessage({ chatThreadIds: [chatThreadId] });
      same(last.entities[0].lastMessage.msg, "in it");
    },
    leaveChatThread: async () => {
      await b.connection.leaveChatThread({ chatThreadId });
      same((await a.connection.getChatThreadDetail({ chatThreadId })).data.affiliationsCount, 1);
    },
    removeChatThreadMember: async () => {
      await b.connection.joinChatThread({ chatThreadId });
      await a.connection.removeChatThreadMember({ chatThreadId, username: bob });
      await saw(b, "thread_change", (one) => one.operation === "userRemove");
    },
    destroyChatThread: async () => {
      await a.connection.destroyChatThread({ chatThreadId });
      same((await a.connection.getChatThreads({ parentId: groupId, pageSize: 20 })).entities, []);
    },

    joinGroup: async () => {
      await e.connection.joinGroup({ groupId, message: "" });
      await told(a, "memberPresence");
    },
    leaveGroup: async () => {
      await e.connection.leaveGroup({ groupId });
      same(await members(), [ann, bob].sort());
    },
    inviteUsersToGroup: async () => {
      await a.connection.inviteUsersToGroup({ groupId, users: [eve] });
      same(await members(), [ann, bob, eve].sort());
    },
    removeGroupMember: async () => {
      await a.connection.removeGroupMember({ groupId, username: eve });
      same(await members(), [ann, bob].sort());
    },
    removeGroupMembers: async () => {
      await a.connection.inviteUsersToGroup({ groupId, users: [eve] });
      await a.connection.removeGroupMembers({ groupId, users: [eve, bob] });
      same(await members(), [ann]);
    },
    blockGroupMember: async () => {
      await a.connection.inviteUsersToGroup({ groupId, users: [eve, bob] });
      await a.connection.blockGroupMember({ groupId, username: eve });
      same(await members(), [ann, bob].sort());
    },
    getGroupBlocklist: async () => same(await blocked(), [eve]),
    unblockGroupMember: async () => {
      await a.connection.unblockGroupMember({ groupId, username: eve });
      same(await blocked(), []);
    },
    blockGroupMembers: async () => {
      await a.connection.inviteUsersToGroup({ groupId, users: [eve] });
      await a.connection.blockGroupMembers({ groupId, usernames: [eve, bob] });
      same((await blocked()).sort(), [eve, bob].sort());
    },
    unblockGroupMembers: async () => {
      await a.connection.unblockGroupMembers({ groupId, usernames: [eve, bob] });
      same(await blocked(), []);
    },
    acceptGroupJoinRequest: async () => {
      const guarded = await make({ members: [], approval: true });
      await e.connection.joinGroup({ groupId: guarded, message: "please" });
      await told(a, "requestToJoin", guarded);
      await a.connection.acceptGroupJoinRequest({ groupId: guarded, applicant: eve });
      await told(e, "acceptRequest", guarded);
    },
    rejectGroupJoinRequest: async () => {
      const guarded = await make({ members: [], approval: true });
      await e.connection.joinGroup({ groupId: guarded, message: "please" });
      await told(a, "requestToJoin", guarded);
      await a.connection.rejectGroupJoinRequest({ groupId: guarded, applicant: eve, reason: "full" });
      await told(e, "joinPublicGroupDeclined", guarded);
    },
    acceptGroupInvite: async () => {
      const asking = await make({ members: [], inviteNeedConfirm: true });
      await a.connection.inviteUsersToGroup({ groupId: asking, users: [eve] });
      await told(e, "inviteToJoin", asking);
      await e.connection.acceptGroupInvite({ groupId: asking, invitee: eve });
      await told(a, "acceptInvite", asking);
    },
    rejectGroupInvite: async () => {
      const asking = await make({ members: [], inviteNeedConfirm: true });
      await a.connection.inviteUsersToGroup({ groupId: asking, users: [eve] });
      await told(e, "inviteToJoin", asking);
      await e.connection.rejectGroupInvite({ groupId: asking, invitee: eve });
      await told(a, "rejectInvite", asking);
    },
    changeGroupOwner: async () => {
      const other = await make();
      await a.connection.changeGroupOwner({ groupId: other, newOwner: bob });
      await told(b, "changeOwner", other);
    },
    destroyGroup: async () => {
      const other = await make();
      await a.connection.destroyGroup({ groupId: other });
      await told(b, "destroy", other);
    },
  };
};
