// Plays the scenarios with the vendor's Web SDK in a page of headless Chromium, which asks another origin than its
// own, as a product's page does.
// Usage: node browser.mjs READY_LINE [PART OF A SCENARIO'S NAME | --sweep]; CHROMIUM names the browser.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = import.meta.dirname;
const [ready, only = ""] = process.argv.slice(2);
const sweep = only === "--sweep";
const what = JSON.stringify({ server: JSON.parse(ready), only: sweep ? "" : only, sweep });

const files = createServer((request, response) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    if (request.url === "/told") console.log(body);
    if (request.url === "/done") setTimeout(() => end(body === "0" ? 0 : 1), 50);
    if (request.method === "POST") return response.end();
    if (request.url === "/what") return response.end(what);
    if (request.url === "/favicon.ico") return response.writeHead(204).end();
    const path = request.url === "/sdk.js" ? "node_modules/easemob-websdk/Easemob-chat.js" : `.${request.url}`;
    const type = path.endsWith(".html") ? "text/html" : "text/javascript";
    response.writeHead(200, { "Content-Type": type }).end(readFileSync(join(folder, path)));
  });
});
await new Promise((listening) => files.listen(0, "127.0.0.1", listening));
const page = `http://127.0.0.1:${files.address().port}/browser/page.html`;

const profile = mkdtempSync(join(tmpdir(), "websdk-"));
const chromium = spawn(
  process.env.CHROMIUM ?? "chromium",
  [
    ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"],
    ...["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"],
    // Nothing but this machine can be reached, whatever the page or the browser asks for.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    `--user-data-dir=${profile}`,
    page,
  ],
  // A group of its own, so that no process of it outlives the test and writes to a folder that is being removed.
  { stdio: ["ignore", "ignore", "pipe"], detached: true },
);
let said = "";
chromium.stderr.on("data", (part) => (said = (said + part).slice(-4000)));
chromium.on("error", (error) => {
  console.log(`FAIL  Chromium cannot be started: ${error.message}`);
  process.exit(1);
});
chromium.on("exit", () => {
  console.log(`FAIL  Chromium ended: ${said.replaceAll("\n", " ")}`);
  end(1);
});

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => end(1));

function end(code) {
  chromium.removeAllListeners("exit");
  chromium.on("exit", () => {
    killGroup();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
    process.exit(code);
  });
  if (chromium.exitCode === null) killGroup();
  else chromium.emit("exit");
}

function killGroup() {
  try {
    process.kill(-chromium.pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}
