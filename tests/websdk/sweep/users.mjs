// Accounts, contacts, profiles, presence and what is told when nobody looks.
export default ({ ann, bob, eve, a, b, e, same, ok, saw, user, device, server, tokenOf, name }) => ({
  registerUser: async () => {
    const username = `${name}new`;
    await device("r").connection.registerUser({ username, password: "pw", nickname: "New" });
    ok(await tokenOf(username));
  },
  open: async () => ok(a.connection.isOpened()),
  renewToken: async () => same((await a.connection.renewToken(await tokenOf(ann, 3600))).status, true),
  getTokenExpireTimestamp: async () => {
    const { expire_timestamp } = await a.connection.getTokenExpireTimestamp(a.connection.token);
    ok(expire_timestamp > Date.now(), String(expire_timestamp));
  },
  getSelfIdsOnOtherPlatform: async () => same((await a.connection.getSelfIdsOnOtherPlatform()).data, []),
  updateCurrentUserNick: async () => same((await a.connection.updateCurrentUserNick("Annie")).entities[0].nickname, "Annie"),
  uploadPushToken: async () => {
    await a.connection.uploadPushToken({ deviceId: "d1", deviceToken: "t1", notifierName: "n1" });
  },
  unbindPushToken: async () => {
    await a.connection.unbindPushToken();
  },
  updateOwnUserInfo: async () => same((await a.connection.updateOwnUserInfo({ nickname: "Ann", sign: "hi" })).data.nickname, "Ann"),
  fetchUserInfoById: async () => same((await b.connection.fetchUserInfoById([ann])).data[ann].nickname, "Ann"),

  addContact: async () => {
    await a.connection.addContact(bob, "hi");
    await saw(b, "contact_invited", (one) => one.from === ann);
  },
  acceptContactInvite: async () => {
    await b.connection.acceptContactInvite(ann);
    await saw(a, "contact_agreed", (one) => one.from === bob);
  },
  declineContactInvite: async () => {
    await e.connection.addContact(ann, "hi");
    await saw(a, "contact_invited", (one) => one.from === eve);
    await a.connection.declineContactInvite(eve);
    await saw(e, "contact_refused", (one) => one.from === ann);
  },
  getContacts: async () => same((await a.connection.getContacts()).data, [bob]),
  setContactRemark: async () => {
    await a.connection.setContactRemark({ userId: bob, remark: "Bobby" });
  },
  getAllContacts: async () => same((await a.connection.getAllContacts()).data, [{ userId: bob, remark: "Bobby" }]),
  getContactsWithCursor: async () =>
    same((await a.connection.getContactsWithCursor({ pageSize: 10 })).data.contacts, [{ userId: bob, remark: "Bobby" }]),
  addUsersToBlocklist: async () => {
    await a.connection.addUsersToBlocklist({ name: [eve] });
  },
  getBlocklist: async () => same((await a.connection.getBlocklist()).data, [eve]),
  removeUserFromBlocklist: async () => {
    await a.connection.removeUserFromBlocklist({ name: [eve] });
    same((await a.connection.getBlocklist()).data, []);
  },
  deleteContact: async () => {
    await a.connection.deleteContact(bob);
    same((await b.connection.getContacts()).data, []);
  },

  subscribePresence: async () => same((await a.connection.subscribePresence({ usernames: [bob], expiry: 600 })).result[0].uid, bob),
  publishPresence: async () => {
    await b.connection.publishPresence({ description: "busy" });
    await saw(a, "presence", (list) => list[0].userId === bob && list[0].ext === "busy");
  },
  getPresenceStatus: async () => same((await a.connection.getPresenceStatus({ usernames: [bob] })).result[0].ext, "busy"),
  getSubscribedPresencelist: async () =>
    same((await a.connection.getSubscribedPresencelist({ pageNum: 1, pageSize: 10 })).result.sublist.map((one) => one.uid), [bob]),
  unsubscribePresence: async () => {
    await a.connection.unsubscribePresence({ usernames: [bob] });
    same((await a.connection.getSubscribedPresencelist({ pageNum: 1, pageSize: 10 })).result.sublist, []);
  },

  setSilentModeForAll: async () => {
    await a.connection.setSilentModeForAll({ options: { paramType: 0, remindType: "AT" } });
  },
  getSilentModeForAll: async () => same((await a.connection.getSilentModeForAll()).data.type, "AT"),
  setSilentModeForConversation: async () => {
    const options = { paramType: 0, remindType: "NONE" };
    await a.connection.setSilentModeForConversation({ conversationId: bob, type: "singleChat", options });
  },
  getSilentModeForConversation: async () =>
    same((await a.connection.getSilentModeForConversation({ conversationId: bob, type: "singleChat" })).data.type, "NONE"),
  getSilentModeForConversations: async () => {
    const conversationList = [{ id: bob, type: "singleChat" }];
    same((await a.connection.getSilentModeForConversations({ conversationList })).data.user[bob].type, "NONE");
  },
  getSilentModeRemindTypeConversations: async () => {
    const { data } = await a.connection.getSilentModeRemindTypeConversations({ pageSize: 10 });
    ok(JSON.stringify(data).includes(bob), JSON.stringify(data));
  },
  clearRemindTypeForConversation: async () => {
    await a.connection.clearRemindTypeForConversation({ conversationId: bob, type: "singleChat" });
    ok((await a.connection.getSilentModeForConversation({ conversationId: bob, type: "singleChat" })).data.type !== "NONE");
  },
  setPushPerformLanguage: async () => {
    await a.connection.setPushPerformLanguage({ language: "en" });
  },
  getPushPerformLanguage: async () => same((await a.connection.getPushPerformLanguage()).data.language, "en"),

  getSupportedLanguages: () => a.connection.getSupportedLanguages(),
  translateMessage: () => a.connection.translateMessage({ text: "hi", languages: ["de"] }),
  voiceMessageToText: () => a.connection.voiceMessageToText({ type: "audio", url: `${server.rest}/x`, filename: "x.amr" }),
  voiceFileToText: () => a.connection.voiceFileToText(new File(["x"], "x.wav", { type: "audio/wav" })),
  getRTCToken: () => a.connection.getRTCToken("channel"),
  getUserIdByRTCUIds: () => a.connection.getUserIdByRTCUIds([1]),
});
