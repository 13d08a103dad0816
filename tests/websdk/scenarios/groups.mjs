// Groups and threads: who is told of what, with which words.
export default ({ close, ok, refused, same, saw, signedIn, sleep, text, user }) => {
  const make = async (by, more = {}) => {
    const made = await by.connection.createGroup({
      data: { groupname: "team", desc: "", members: [], public: true, approval: false, allowinvites: true, ...more },
    });
    return made.data.groupid;
  };
  const told = (device, operation, groupId, fits = () => true) =>
    saw(device, "group", (e) => e.operation === operation && e.id === groupId && fits(e));

  return {
    async "groups and threads: what one device does, the others are told"() {
      const [ann, bob] = [await user(), await user()];
      const [a, a2, b] = [await signedIn(ann, "a"), await signedIn(ann, "a2"), await signedIn(bob, "b")];
      const groupId = await make(a, { members: [bob], public: false });
      await told(a2, "create", groupId, (e) => e.from === ann);
      await told(b, "directJoined", groupId, (e) => e.from === ann && e.name === "team");
      const { data } = await a.connection.createChatThread({ parentId: groupId, name: "topic", messageId: "1" });
      const { chatThreadId } = data;
      const thread = (operation) =>
        saw(a2, "multi_device", (e) => e.operation === operation && e.chatThreadId === chatThreadId && e.parentId === groupId);
      await thread("chatThreadCreate");
      await a.connection.joinChatThread({ chatThreadId });
      await thread("chatThreadJoin");
      await a.connection.changeChatThreadName({ chatThreadId, name: "other" });
      await thread("chatThreadNameUpdate");
      await a.connection.leaveChatThread({ chatThreadId });
      await thread("chatThreadLeave");
      await a.connection.destroyChatThread({ chatThreadId });
      await thread("chatThreadDestroy");
      await a.connection.setGroupMemberAttributes({ groupId, userId: ann, memberAttributes: { colour: "red" } });
      await saw(a2, "multi_device", (e) => e.operation === "memberAttributesUpdate" && e.attributes.colour === "red");
      await told(b, "memberAttributesUpdate", groupId, (e) => e.userId === ann);
      const attributes = await b.connection.getGroupMemberAttributes({ groupId, userId: ann });
      same(attributes.data, { colour: "red" });
      await a.connection.destroyGroup({ groupId });
      await told(a2, "destroy", groupId);
      ok(!b.events.some((e) => e.kind === "multi_device"), "another user was told of own acts");
      ok(!a.events.some((e) => e.kind === "multi_device"), "the acting device was told of its own act");
      close(a, a2, b);
    },
    async "in and out of a group"() {
      const [ann, bob, eve] = [await user(), await user(), await user()];
      const [a, b, b2, e] = [await signedIn(ann, "a"), await signedIn(bob, "b"), await signedIn(bob, "b2"), await signedIn(eve, "e")];
      const groupId = await make(a);
      await b.connection.joinGroup({ groupId, message: "" });
      await told(a, "memberPresence", groupId, (one) => one.from === bob);
      await saw(b2, "group_change", (one) => one.type === "join" && one.gid === groupId && one.from === bob);
      await a.connection.inviteUsersToGroup({ groupId, users: [eve] });
      await told(e, "directJoined", groupId);
      await told(b, "memberPresence", groupId, (one) => one.from === eve);
      await b.connection.leaveGroup({ groupId });
      await told(a, "memberAbsence", groupId, (one) => one.from === bob);
      await saw(b2, "group_change", (one) => one.type === "leave" && one.gid === groupId);
      await a.connection.removeGroupMember({ groupId, username: eve });
      await told(e, "removeMember", groupId, (one) => one.from === ann);
      close(a, b, b2, e);
    },
    async "a guarded group, and an invitation that is asked first"() {
      const [ann, bob] = [await user(), await user()];
      const [a, a2, b] = [await signedIn(ann, "a"), await signedIn(ann, "a2"), await signedIn(bob, "b")];
      const groupId = await make(a, { approval: true });
      await b.connection.joinGroup({ groupId, message: "please" });
      await told(a, "requestToJoin", groupId, (e) => e.from === bob && e.reason === "please");
      await a.connection.rejectGroupJoinRequest({ groupId, applicant: bob, reason: "full" });
      await told(b, "joinPublicGroupDeclined", groupId);
      await b.connection.joinGroup({ groupId, message: "please" });
      await a.connection.acceptGroupJoinRequest({ groupId, applicant: bob });
      await told(b, "acceptRequest", groupId);
      await told(a2, "acceptRequest", groupId, (e) => e.from === ann);
      const asking = await make(a, { public: false, inviteNeedConfirm: true });
      await a.connection.inviteUsersToGroup({ groupId: asking, users: [bob] });
      await told(b, "inviteToJoin", asking, (e) => e.from === ann && e.name === "team");
      await b.connection.acceptGroupInvite({ groupId: asking, invitee: bob });
      await told(a, "acceptInvite", asking, (e) => e.from === bob);
      await told(a, "memberPresence", asking, (e) => e.from === bob);
      close(a, a2, b);
    },
    async "roles: admins, mutes, a new owner, a block"() {
      const [ann, bob] = [await user(), await user()];
      const [a, a2, b] = [await signedIn(ann, "a"), await signedIn(ann, "a2"), await signedIn(bob, "b")];
      const groupId = await make(a, { members: [bob] });
      const bobIs = (e) => e.userId === bob && e.from === ann;
      await a.connection.setGroupAdmin({ groupId, username: bob });
      await told(b, "setAdmin", groupId, bobIs);
      await told(a2, "setAdmin", groupId, bobIs);
      await a.connection.removeGroupAdmin({ groupId, username: bob });
      // The SDK does not say here who it is.
      await told(b, "removeAdmin", groupId, (e) => e.from === ann);
      await a.connection.muteGroupMember({ groupId, username: bob, muteDuration: 60_000 });
      await told(b, "muteMember", groupId, bobIs);
      const muted = await refused(b.connection.send(text(groupId, "x", "groupChat")));
      same(muted.type, 219, JSON.stringify(muted));
      await a.connection.unmuteGroupMember({ groupId, username: bob });
      await told(a2, "unmuteMember", groupId, bobIs);
      await a.connection.disableSendGroupMsg({ groupId });
      await told(b, "muteAllMembers", groupId);
      same((await refused(b.connection.send(text(groupId, "x", "groupChat")))).type, 219);
      await a.connection.enableSendGroupMsg({ groupId });
      await told(b, "unmuteAllMembers", groupId);
      await a.connection.modifyGroup({ groupId, groupName: "other", description: "" });
      await told(b, "updateInfo", groupId, (e) => e.detail.name === "other");
      await a.connection.changeGroupOwner({ groupId, newOwner: bob });
      await told(b, "changeOwner", groupId);
      const late = await refused(a.connection.destroyGroup({ groupId }));
      ok(late.type !== 0, "whoever was the owner still rules");
      await b.connection.blockGroupMember({ groupId, username: ann });
      await told(a, "removeMember", groupId, (e) => e.from === bob);
      await refused(a.connection.joinGroup({ groupId, message: "" }));
      close(a, a2, b);
    },
    async "a message to a group reaches every member's devices once"() {
      const [ann, bob, eve] = [await user(), await user(), await user()];
      const [a, a2, b, e] = [await signedIn(ann, "a"), await signedIn(ann, "a2"), await signedIn(bob, "b"), await signedIn(eve, "e")];
      const groupId = await make(a, { members: [bob] });
      await a.connection.send(text(groupId, "to all", "groupChat"));
      for (const one of [a2, b]) {
        await saw(one, "text", (m) => m.chatType === "groupChat" && m.to === groupId && m.from.startsWith(ann));
      }
      await sleep(200);
      for (const [one, count] of [[a, 0], [a2, 1], [b, 1], [e, 0]]) {
        same(one.events.filter((event) => event.kind === "text").length, count, `at ${one.id}`);
      }
      close(a, a2, b, e);
    },
  };
};
