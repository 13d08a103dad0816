// What must hold for applications that are made with the vendor's UI kits: two people use them, each in a browser.
import { crc32, deflateSync } from "node:zlib";

/// A square picture of one colour.
function picture(size) {
  const chunk = (type, content) => {
    const body = Buffer.concat([Buffer.from(type), content]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(content.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(size, 0);
  head.writeUInt32BE(size, 4);
  head.set([8, 2], 8);
  const line = Buffer.concat([Buffer.from([0]), ...Array(size).fill(Buffer.from([200, 60, 40]))]);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const content = deflateSync(Buffer.concat(Array(size).fill(line)));
  return Buffer.concat([signature, chunk("IHDR", head), chunk("IDAT", content), chunk("IEND", Buffer.alloc(0))]);
}

export default ({ asAdmin, listed, page, same, shot, until, user }) => {
  const group = async (owner, members) => {
    const { body } = await asAdmin("POST", "/chatgroups", { groupname: "team", desc: "", owner, members, public: true });
    return body.data.groupid;
  };
  const say = (path, from, to, msg) => asAdmin("POST", path, { from, to: [to], type: "txt", body: { msg } });
  const list = (at) => at.locator(".list");
  const chat = (at) => at.locator(".chat");
  const open = (at, words) => list(at).getByText(words).first().click();
  async function type(place, words) {
    const input = place.locator(".cui-textarea-input");
    await input.click();
    await input.pressSequentially(words);
    await input.press("Enter");
  }
  const sees = (place, words) => place.getByText(words, { exact: true }).first().waitFor({ timeout: 10_000 });
  /// The conversations with what was said last, from the top.
  const conversations = async (at) => {
    const items = await list(at).locator(".cui-conversationItem").all();
    return Promise.all(items.map((item) => item.locator(".cui-conversationItem-nickname").innerText()));
  };
  const done = async (...pages) => {
    for (const at of pages) {
      same(at.trouble, []);
      await at.context().close();
    }
  };

  return {
    async "two people chat"() {
      const [ann, bob] = [await user(), await user()];
      await say("/messages/users", bob, ann, "hello ann");
      const [a, b] = [await page(ann), await page(bob)];
      await open(a, "hello ann");
      await sees(chat(a), "hello ann");
      await type(chat(a), "hello bob");
      await sees(chat(a), "hello bob");
      await sees(list(b), "hello bob");
      await open(b, "hello bob");
      await type(chat(b), "and you?");
      await sees(chat(a), "and you?");
      await shot(a, "chat");
      await done(a, b);
    },
    async "a group: its name, and what its members say"() {
      const [ann, bob] = [await user(), await user()];
      const id = await group(ann, [bob]);
      await say("/messages/chatgroups", bob, id, "hello team");
      const [a, b] = [await page(ann), await page(bob)];
      await open(a, "team");
      await sees(chat(a), "hello team");
      await type(chat(a), "hello all");
      await open(b, "team");
      await sees(chat(b), "hello all");
      await shot(b, "group");
      await done(a, b);
    },
    async "a thread is made of a message, and another member joins it"() {
      const [ann, bob] = [await user(), await user()];
      const id = await group(ann, [bob]);
      await say("/messages/chatgroups", bob, id, "what about it?");
      const [a, b] = [await page(ann), await page(bob)];
      for (const at of [a, b]) await open(at, "team");
      const message = chat(a).locator(".cui-message-base").first();
      await message.hover();
      await message.locator(".cui-message-base-body-action").last().click();
      const thread = (at) => at.locator(".thread");
      await thread(a).locator("input").first().fill("the topic");
      await shot(a, "new-thread");
      await type(thread(a), "first in it");
      await sees(thread(a), "first in it");
      await sees(chat(b), "the topic");
      await chat(b).getByText("the topic").first().click();
      await sees(thread(b), "first in it");
      await type(thread(b), "second in it");
      await sees(thread(a), "second in it");
      await shot(a, "thread");
      await shot(b, "thread-joined");
      await done(a, b);
    },
    async "a picture is sent and shown"() {
      const [ann, bob] = [await user(), await user()];
      await say("/messages/users", bob, ann, "show me");
      await say("/messages/users", ann, bob, "what?");
      const [a, b] = [await page(ann), await page(bob)];
      await open(a, bob);
      await open(b, ann);
      const file = { name: "square.png", mimeType: "image/png", buffer: picture(120) };
      await chat(a).locator('input[type=file][accept*="png"]').setInputFiles(file);
      for (const at of [a, b]) {
        const shown = chat(at).locator(".cui-message-base img").last();
        await shown.waitFor({ timeout: 10_000 });
        await until("a picture of 120 pixels", () => shown.evaluate((image) => image.naturalWidth === 120));
      }
      await shot(b, "picture");
      await done(a, b);
    },
    async "after a reload the conversations are there, in their order"() {
      const [ann, bob, eve] = [await user(), await user(), await user()];
      const id = await group(ann, [bob]);
      await say("/messages/users", bob, ann, "one");
      await say("/messages/chatgroups", bob, id, "two");
      await say("/messages/users", eve, ann, "three");
      const a = await page(ann);
      await until("three conversations", async () => (await conversations(a)).length === 3);
      const before = await conversations(a);
      same(before, [eve, "team", bob]);
      await open(a, "three");
      await type(chat(a), "four");
      await sees(chat(a), "four");
      await a.reload();
      await sees(list(a), "four");
      await until("three conversations", async () => (await conversations(a)).length === 3);
      same(await conversations(a), before);
      await open(a, "four");
      await sees(chat(a), "three");
      await shot(a, "reloaded");
      await done(a);
    },
    async "one who is signed out is told so: 217"() {
      const ann = await user();
      const a = await page(ann);
      const [device] = await listed(ann);
      await asAdmin("DELETE", `/users/${ann}/disconnect/${device}`);
      const code = await until("the end of the session", () => a.evaluate(() => window.told[0]));
      same(code.type ?? code.errorCode ?? code.code, 217, JSON.stringify(code));
      await shot(a, "signed-out");
      same(await listed(ann), []);
      await done(a);
    },
  };
};
