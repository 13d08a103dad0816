// Two devices of one user, with the vendor's Web SDK as it is: who else of me is online, a message to one of them,
// and what the other one does. Start a sandbox, then this with the line that it prints:
//   easemob-admin sandbox serve > ready.json &
//   npm install && npm start -- "$(head -n 1 ready.json)"
import { createRequire } from "node:module";
import WebSocket from "ws";

// In a page these are there already.
const require = createRequire(import.meta.url);
globalThis.window = globalThis;
globalThis.self = globalThis;
globalThis.navigator ??= { userAgent: "node", onLine: true };
globalThis.location ??= { protocol: "http:", host: "127.0.0.1", href: "http://127.0.0.1/" };
globalThis.addEventListener ??= () => {};
globalThis.WebSocket = WebSocket;
globalThis.XMLHttpRequest = require("xhr2");
const WebIM = require("easemob-websdk");
WebIM.logger.disableAll();

const server = JSON.parse(process.argv[2]);
const options = { appKey: server.app_key, apiUrl: server.rest, url: server.ws, isHttpDNS: false, https: false };

// The user is made by an operator, as `easemob-admin` would.
const json = { "Content-Type": "application/json" };
const post = async (path, body, token) => {
  const headers = token ? { ...json, Authorization: `Bearer ${token}` } : json;
  const answer = await fetch(server.app_root + path, { method: "POST", headers, body: JSON.stringify(body) });
  return answer.json();
};
const credentials = { client_id: server.client_id, client_secret: server.client_secret };
const { access_token } = await post("/token", { grant_type: "client_credentials", ...credentials });
await post("/users", [{ username: "ann", password: "pw" }], access_token);

const phone = new WebIM.connection({ ...options, deviceId: "phone" });
const conn = new WebIM.connection({ ...options, deviceId: "laptop" });

phone.addEventHandler("show", {
  onTextMessage: (message) => console.log("phone got:", message.msg, "from", message.from),
  onMultiDeviceEvent: (event) => console.log("phone was told:", event.operation, event.conversationId ?? ""),
  onDisconnected: (reason) => console.log("phone was signed out:", reason?.type),
});
conn.addEventHandler("handlerId", {
  onContactAgreed: () => {},
  onGroupEvent: () => {},
  onMultiDeviceEvent: () => {},
});

await phone.open({ user: "ann", pwd: "pw" });
await conn.open({ user: "ann", pwd: "pw" });

const { data } = await conn.getSelfIdsOnOtherPlatform();
console.log("laptop sees:", data.join(" "));
const toUserId = data[0];
const option = { type: "txt", msg: "message content", to: toUserId, chatType: "singleChat" };
await conn.send(WebIM.message.create(option));
await conn.pinConversation({ conversationId: "bob", conversationType: "singleChat", isPinned: true });

// And now the operator signs the phone out.
await new Promise((done) => setTimeout(done, 500));
await fetch(`${server.app_root}/users/ann/disconnect/webim_web_phone`, {
  method: "DELETE",
  headers: { Authorization: `Bearer ${access_token}` },
});
await new Promise((done) => setTimeout(done, 1000));
process.exit(0);
