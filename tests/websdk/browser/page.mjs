// Plays the scenarios in a page, and posts how they went to where the page came from.
import { harness } from "/harness.mjs";
import { play } from "/play.mjs";
import methods from "/sweep/methods.mjs";

const sdk = window.WebIM.default ?? window.WebIM;
sdk.logger.disableAll();
const post = (path, text) => fetch(path, { method: "POST", body: text });
const tell = (line) => {
  document.getElementById("told").append(`${line}\n`);
  return post("/told", line);
};

// What goes wrong inside the SDK shows here and nowhere else.
let unhandled = 0;
window.addEventListener("unhandledrejection", (event) => {
  unhandled++;
  tell(`FAIL  unhandled rejection: ${String(event.reason?.stack ?? JSON.stringify(event.reason))}`);
});
const { server, only, sweep } = await (await fetch("/what")).json();
let failed = 1;
try {
  const common = harness(sdk, server, window.sockets);
  const checks = sweep && (await methods(common));
  failed = await play(common, tell, only, ...(sweep ? [[() => checks]] : []));
} catch (error) {
  await tell(`FAIL  the page: ${error?.stack ?? error}`);
}
await post("/done", String(failed + unhandled));
