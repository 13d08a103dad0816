// Takes the pictures of docs/screenshots, of a console that shows 1,000 demo users.
// Usage: node pictures.mjs URL KEY FOLDER, beside
//   EASEMOB_FIRST_KEY=KEY easemob-admin --sandbox serve --open --listen 127.0.0.1:7300
import { join } from "node:path";
import { launch, look } from "./browser.mjs";

const [url, admin, folder] = process.argv.slice(2);
const browser = await launch();
const app = (await ask("GET", "/v1/apps")).at(0).name;

async function ask(method, path, body, key = admin) {
  const answer = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  // A start that needs approval is refused, and asks for it.
  if (!answer.ok && answer.status !== 409) throw new Error(`${method} ${path}: ${text}`);
  return text ? JSON.parse(text) : undefined;
}

const ofApp = (method, path, body, key) => ask(method, `/v1/apps/${app}/${path}`, body, key);
const users = (from, to) => Array.from({ length: to - from }, (_, at) => `user${String(from + at).padStart(4, "0")}`);

/** Signs somebody in, and returns a page. */
async function person(key, seen) {
  const context = await browser.newContext(look({ width: 1280, height: 800, ...seen }));
  const page = await context.newPage();
  await page.goto(`${url}/console/sign-in`);
  await page.fill("#key", key);
  await Promise.all([page.waitForURL((to) => !to.pathname.endsWith("/sign-in")), page.click("form button.btn:visible")]);
  return page;
}

/** Takes a picture of what the window shows. */
async function picture(name, path, seen = {}, { key = admin, before = async () => {} } = {}) {
  const page = await person(key, seen);
  await page.goto(`${url}/console/${app}/${path}`);
  await before(page);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await page.context().close();
  console.log(name);
}

const scopes = ["devices:read", "sessions:plan", "sessions:apply", "sessions:approve", "users:write", "audit:read", "limits:write"];
const colleague = async (owner, groups) => (await ask("POST", "/v1/keys", { owner, scopes, groups, apps: [app] })).secret;
const wei = await colleague("li.wei@example.com", ["support"]);
const chen = await colleague("chen.jie@example.com", ["leads"]);

const first = 'default = 4\n\n[platforms]\nweb = 2\n';
const second = '# Two browsers, and one phone of each kind\ndefault = 4\n\n[platforms]\nweb = 2\nandroid = 1\nios = 1\n\n[exempt]\nusers = ["user0007"]\n';
await ofApp("POST", "limits/policies", { policy: first, reason: "first version" });
await ofApp("POST", "limits/policies", { policy: second, after: 1, reason: "one phone of each kind, SEC-198" });
await ofApp("POST", "runs", { action: { kind: "logout", selection: {} }, users: ["user0012"], reason: "lost phone", ticket: "SUP-4471" }, wei);
await ofApp("POST", "runs", { action: { kind: "lock", until: new Date(Date.now() + 36e6).toISOString() }, users: ["user0012"], reason: "account taken over", ticket: "SEC-212" }, wei);
await ofApp("PUT", "approval-rules", { rules: [{ verbs: ["logout", "ban"], over_users: 20, needs: [{ group: "leads", count: 1 }] }] });
const { run: waiting } = await ofApp("POST", "plans", { users: users(100, 148), selection: {}, reason: "session tokens leaked in a crash report", ticket: "SEC-214" }, wei);
await ofApp("POST", `runs/${waiting.id}/start`, {}, wei);

await picture("overview", "overview");
await picture("users", "users?sort=devices");
await picture("user", "users/user0012", { dark: true });
await picture("approval", `approvals/${waiting.id}`, {}, { key: chen });
await picture("audit", "audit?all=on", { dark: true });
await picture("bulk", "bulk", {}, {
  key: wei,
  before: async (page) => {
    await page.fill("#list", [...users(300, 340), "user 0341", "user0300", "", "user0342,"].join("\n"));
    await page.fill("#reason", "session tokens leaked in a crash report");
    await page.click("text=Check the list");
    await page.waitForURL(/draft=/);
    await page.check("input[name=skip]");
    await page.click("button[value=dry]");
    await page.waitForSelector("#preview");
  },
});
await picture("limits", "limits", {}, {
  before: async (page) => {
    await page.click("button[value=check]");
    await page.waitForSelector("h2:has-text('Over limit')");
  },
});
await picture("logins", "logins", { dark: true, language: "zh" });
await ofApp("PUT", "approval-rules", { rules: [] });
const going = await ofApp("POST", "runs", { action: { kind: "logout", selection: {} }, users: users(0, 800), reason: "session tokens leaked in a crash report", ticket: "SEC-214" });
await picture("run", `runs/${going.id}`, { dark: true }, { before: (page) => page.waitForTimeout(4_000) });
await picture("phone", "users/user0905", { width: 390, language: "zh" });
await browser.close();
