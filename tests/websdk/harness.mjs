// What the scenarios work with, in Node and in a page: devices that write down what happens to them, calls of an
// operator, and patience that ends.

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/// Waits for something to become true, and returns it; `what` is words, or makes them when it is known that it was in
/// vain.
export async function until(what, look, ms = 8000) {
  const end = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${typeof what === "string" ? what : what()}`);
    await sleep(10);
  }
}

export function ok(truth, otherwise = "it is not so") {
  if (!truth) throw new Error(otherwise);
}

export function same(one, other, more = "") {
  const [left, right] = [JSON.stringify(one), JSON.stringify(other)];
  if (left !== right) throw new Error(`${left} is not ${right} ${more}`);
}

/// What devices are told, by the name under which they write it down.
const HANDLERS = {
  connected: "onConnected",
  disconnected: "onDisconnected",
  reconnecting: "onReconnecting",
  error: "onError",
  token_will_expire: "onTokenWillExpire",
  token_expired: "onTokenExpired",
  text: "onTextMessage",
  custom: "onCustomMessage",
  cmd: "onCmdMessage",
  location: "onLocationMessage",
  image: "onImageMessage",
  combine: "onCombineMessage",
  read: "onReadMessage",
  delivered: "onDeliveredMessage",
  recalled: "onRecallMessage",
  offline_finish: "onOfflineMessageSyncFinish",
  multi_device: "onMultiDeviceEvent",
  modified: "onModifiedMessage",
  reaction: "onReactionChange",
  pin: "onMessagePinEvent",
  presence: "onPresenceStatusChange",
  thread_change: "onChatThreadChange",
  group: "onGroupEvent",
  room: "onChatroomEvent",
  group_change: "onGroupChange",
  contact_invited: "onContactInvited",
  contact_added: "onContactAdded",
  contact_agreed: "onContactAgreed",
  contact_refused: "onContactRefuse",
  contact_deleted: "onContactDeleted",
};

/// `sdk` is the vendor's, `server` the line that a sandbox prints when it is ready, and `sockets` gives every
/// connection that the SDK has opened, so that one can be cut.
export function harness(sdk, server, sockets) {
  async function rest(method, path, body, token) {
    const answer = await fetch(server.app_root + path, {
      method,
      headers: { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) },
      body: body ? JSON.stringify(body) : undefined,
    });
    return { status: answer.status, body: await answer.json() };
  }

  let admin;
  async function asAdmin(method, path, body) {
    if (!admin) {
      const credentials = { client_id: server.client_id, client_secret: server.client_secret };
      const { body: token } = await rest("POST", "/token", { grant_type: "client_credentials", ...credentials });
      admin = token.access_token;
    }
    return rest(method, path, body, admin);
  }

  /// A control call of the sandbox itself.
  async function control(method, name, body) {
    const answer = await fetch(`${server.rest}/sandbox/${name}`, { method, body: JSON.stringify(body) });
    ok(answer.ok, `${method} ${name}: ${answer.status}`);
  }

  let users = 0;
  const mark = Date.now().toString(36);
  async function user() {
    const name = `sdk${mark}u${users++}`;
    await asAdmin("POST", "/users", [{ username: name, password: "pw" }]);
    return name;
  }

  /// A token of a user, for so many seconds.
  async function tokenOf(name, ttl) {
    const { body } = await rest("POST", "/token", { grant_type: "password", username: name, password: "pw", ttl });
    return body.access_token;
  }

  /// A device that writes down what happens to it.
  function device(id, options = {}) {
    const connection = new sdk.connection({
      appKey: server.app_key,
      apiUrl: server.rest,
      url: server.ws,
      isHttpDNS: false,
      https: false,
      deviceId: id,
      ...options,
    });
    const events = [];
    const handlers = Object.entries(HANDLERS).map(([kind, handler]) => [
      handler,
      (detail) => events.push({ kind, detail }),
    ]);
    connection.addEventHandler("scenario", Object.fromEntries(handlers));
    return { connection, events, id };
  }

  async function signedIn(name, id, options) {
    const made = device(id, options);
    await made.connection.open({ user: name, pwd: "pw" });
    return made;
  }

  function saw(device, kind, fits = () => true) {
    const what = () => `${kind} at ${device.id}, which saw ${JSON.stringify(device.events).slice(-2000)}`;
    return until(what, () => device.events.find((e) => e.kind === kind && fits(e.detail)));
  }

  /// The login ids of a user's devices as REST lists them.
  async function listed(name) {
    const { body } = await asAdmin("GET", `/users/${name}/resources`);
    return body.data.map((one) => one.res).sort();
  }

  async function refused(trying) {
    try {
      await trying;
    } catch (error) {
      return error;
    }
    throw new Error("it was not refused");
  }

  const create = (type, to, more, chatType = "singleChat") => sdk.message.create({ type, chatType, to, ...more });
  const text = (to, msg, chatType) => create("txt", to, { msg }, chatType);
  const texts = (device) => device.events.filter((e) => e.kind === "text").map((e) => e.detail.msg);
  const close = (...devices) => devices.forEach((one) => one.connection.close());

  return {
    ...{ sdk, server, sockets, rest, asAdmin, control, user, tokenOf, device, signedIn, saw, listed, refused },
    ...{ create, text, texts, close, sleep, until, ok, same },
  };
}
