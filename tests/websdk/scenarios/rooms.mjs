// Chat rooms: who comes in and goes, and what is said and kept there.
export default ({ close, ok, refused, same, saw, signedIn, sleep, text, texts, user }) => ({
  async "a chat room: come in, speak, keep something, go"() {
    const [ann, bob, eve] = [await user(), await user(), await user()];
    const [a, b, e] = [await signedIn(ann, "a"), await signedIn(bob, "b"), await signedIn(eve, "e")];
    const made = await a.connection.createChatRoom({ name: "hall", description: "", maxusers: 10, members: [] });
    const id = made.data.id;
    const joined = await b.connection.joinChatRoom({ roomId: id });
    same([joined.data.id, joined.data.result], [id, true]);
    await saw(a, "room", (one) => one.operation === "memberPresence" && one.id === id && one.from === bob);
    await b.connection.send(text(id, "hello hall", "chatRoom"));
    await saw(a, "text", (one) => one.msg === "hello hall" && one.chatType === "chatRoom" && one.to === id);
    ok(await refused(e.connection.send(text(id, "not in it", "chatRoom"))));
    await a.connection.setChatRoomAttributes({ chatRoomId: id, attributes: { song: "1" } });
    await saw(b, "room", (one) => one.operation === "updateChatRoomAttributes" && one.attributes.song === "1");
    same((await b.connection.getChatRoomAttributes({ chatRoomId: id })).data, { song: "1" });
    await b.connection.leaveChatRoom({ roomId: id });
    await saw(a, "room", (one) => one.operation === "memberAbsence" && one.from === bob);
    await a.connection.send(text(id, "anybody?", "chatRoom"));
    await sleep(200);
    same(texts(b), [], "who has left heard it");
    same((await a.connection.getServerConversations({ pageSize: 20 })).data.conversations, [], "a room is no conversation");
    close(a, b, e);
  },
  async "what is said in a chat room waits for nobody"() {
    const [ann, bob] = [await user(), await user()];
    const [a, b] = [await signedIn(ann, "a"), await signedIn(bob, "b")];
    const id = (await a.connection.createChatRoom({ name: "hall", description: "", maxusers: 10, members: [] })).data.id;
    await b.connection.joinChatRoom({ roomId: id });
    close(b);
    await saw(b, "disconnected");
    await sleep(100);
    await a.connection.send(text(id, "gone?", "chatRoom"));
    await a.connection.send(text(bob, "later"));
    const back = await signedIn(bob, "b2");
    await saw(back, "text", (one) => one.msg === "later");
    same(texts(back), ["later"]);
    close(a, back);
  },
});
