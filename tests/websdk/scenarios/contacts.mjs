// Contacts, as both sides see them and as one's own other devices do.
export default ({ asAdmin, close, ok, same, saw, signedIn, sleep, until, user }) => ({
  async "contacts: asked, taken, not taken, ended"() {
    const [ann, bob] = [await user(), await user()];
    const [a, a2] = [await signedIn(ann, "a"), await signedIn(ann, "a2")];
    const b = await signedIn(bob, "b");
    await a.connection.addContact(bob, "hi");
    const { detail } = await saw(b, "contact_invited");
    same([detail.from, detail.status], [ann, "hi"], JSON.stringify(detail));
    // Of what one does oneself, one's other devices are told in one's own name.
    await saw(a2, "contact_invited", (e) => e.from === ann && e.to === bob);
    await b.connection.acceptContactInvite(ann);
    await saw(a, "contact_agreed", (e) => e.from === bob);
    await saw(a2, "contact_agreed");
    const contacts = await asAdmin("GET", `/users/${ann}/contacts/users`);
    same(contacts.body.data, [bob]);
    await b.connection.deleteContact(ann);
    await saw(a, "contact_deleted", (e) => e.from === bob);
    await a.connection.addContact(bob, "again");
    await until("the second question", () => b.events.filter((e) => e.kind === "contact_invited").length === 2);
    await b.connection.declineContactInvite(ann);
    await saw(a, "contact_refused", (e) => e.from === bob);
    ok(!a.events.some((e) => e.kind === "contact_invited"), "the acting device was told of its own act");
    close(a, a2, b);
  },
  async "a block is nobody else's business"() {
    const [ann, bob] = [await user(), await user()];
    const [a, a2, b] = [await signedIn(ann, "a"), await signedIn(ann, "a2"), await signedIn(bob, "b")];
    await a.connection.addUsersToBlocklist({ name: [bob] });
    same((await a2.connection.getBlocklist()).data, [bob]);
    await sleep(200);
    ok(!b.events.some((e) => e.kind.startsWith("contact")), "the blocked side was told");
    close(a, a2, b);
  },
});
