// One check for each public method of the SDK that asks the service for something. Two names of one method are one check.
import { missing } from "./missing.mjs";
import groups from "./groups.mjs";
import messages from "./messages.mjs";
import rooms from "./rooms.mjs";
import users from "./users.mjs";

/// Public methods that ask the service for nothing: they are about the connection itself, or about what the SDK keeps.
const LOCAL = new Set([
  ...["listen", "addEventHandler", "removeEventHandler", "usePlugin", "isOpened", "getChatFilesUrl", "stopHeartBeat", "clear"],
  ...["heartBeat", "clearTokenTimeout", "tokenExpireTimeCountDown", "compareTokenExpireTime", "closeByTokenExpired"],
  ...["connectionResolve", "connectionReject", "rejectMessage", "resetConnState", "reconnect", "setLoginInfoCustomExt", "onShow", "sendLogout", "getUniqueId"],
]);

/// Returns the names of all methods of a connection, those of one method together.
function methods(connection) {
  const names = new Set();
  for (let at = connection; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) if (name !== "constructor" && typeof connection[name] === "function") names.add(name);
  }
  const together = new Map();
  for (const name of names) together.set(connection[name], [...(together.get(connection[name]) ?? []), name]);
  return [...together.values()];
}

/// Makes the checks; each is a scenario named after its method, and they rest on each other, in this order.
export default async (harness) => {
  const { create, ok, refused, signedIn, user } = harness;
  const [ann, bob, eve] = [await user(), await user(), await user()];
  const [a, b, e] = [await signedIn(ann, "a"), await signedIn(bob, "b"), await signedIn(eve, "e")];
  b.create = (options) => harness.sdk.message.create(options);

  /// Uploads a small file with a call of the SDK, and returns what the service answers.
  const uploaded = (at, call, to) => {
    const file = { data: new File(["shared notes"], "notes.txt", { type: "text/plain" }), filename: "notes.txt", filetype: "txt" };
    return new Promise((done, failed) => at.connection[call]({ ...to, file, onFileUploadComplete: done, onFileUploadError: failed }));
  };
  const downloaded = async (at, call, from) => {
    const blob = await new Promise((done, failed) =>
      at.connection[call]({ ...from, onFileDownloadComplete: done, onFileDownloadError: failed }),
    );
    return blob.text();
  };

  const material = { ...harness, ann, bob, eve, a, b, e, uploaded, downloaded, create, name: `${ann}x` };
  const checks = Object.assign({}, ...[users, messages, groups, rooms].map((subject) => subject(material)));
  checks.close = async () => {
    for (const one of [b, e]) one.connection.close();
    await harness.until("an empty list", async () => (await harness.listed(bob)).length === 0);
  };
  for (const [name, why] of Object.entries(missing)) {
    const check = checks[name];
    checks[name] = async () => {
      const error = await refused(Promise.resolve(check()));
      ok(why && error, "it has no reason");
    };
  }
  const unchecked = methods(a.connection).filter((names) => !names.some((name) => LOCAL.has(name) || name in checks));
  checks["every method has a check"] = async () => harness.same(unchecked, []);
  return checks;
};
