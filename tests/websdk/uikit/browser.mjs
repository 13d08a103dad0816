// Drives the vendor's UI kits in Chromium, with two users in two profiles, as people would.
// Usage: node browser.mjs READY_LINE KIT [FOLDER FOR SCREENSHOTS]; CHROMIUM names the browser.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { delimiter, extname, join } from "node:path";
import { chromium } from "playwright-core";
import { harness } from "../harness.mjs";
import { play } from "../play.mjs";
import scenarios from "./pages.mjs";

const [ready, kit, screenshots] = process.argv.slice(2);
const server = JSON.parse(ready);
const TYPES = { ".html": "text/html", ".css": "text/css" };

const files = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://127.0.0.1");
  try {
    const content = readFileSync(join(import.meta.dirname, pathname));
    response.writeHead(200, { "Content-Type": TYPES[extname(pathname)] ?? "text/javascript" }).end(content);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((listening) => files.listen(0, "127.0.0.1", listening));

const named = process.env.CHROMIUM ?? "chromium";
const places = process.env.PATH.split(delimiter).map((folder) => join(folder, named));
const browser = await chromium.launch({
  executablePath: places.find(existsSync) ?? named,
  args: ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
});
const common = harness(undefined, server, []);
if (screenshots) mkdirSync(screenshots, { recursive: true });

/// A browser of a user, signed in.
async function page(user) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 700 } });
  const page = await context.newPage();
  page.trouble = [];
  page.on("pageerror", (error) => page.trouble.push(String(error)));
  const query = new URLSearchParams({ kit, server: ready, user, token: await common.tokenOf(user) });
  await page.goto(`http://127.0.0.1:${files.address().port}/page.html?${query}`);
  await page.waitForFunction(() => document.title === "signed in", undefined, { timeout: 20_000 });
  return page;
}

let shots = 0;
/// Keeps what a page looks like, for people.
async function shot(page, name) {
  if (screenshots) await page.screenshot({ path: join(screenshots, `${kit}-${String(++shots).padStart(2, "0")}-${name}.png`) });
}

const failed = await play({ ...common, kit, page, shot }, (line) => console.log(line), "", [scenarios]);
await browser.close();
process.exit(failed ? 1 : 0);
