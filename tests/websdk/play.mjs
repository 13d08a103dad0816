// Plays the scenarios one after the other, and tells of each how it went.
import applications from "./scenarios/applications.mjs";
import connection from "./scenarios/connection.mjs";
import contacts from "./scenarios/contacts.mjs";
import conversations from "./scenarios/conversations.mjs";
import groups from "./scenarios/groups.mjs";
import kicks from "./scenarios/kicks.mjs";
import limits from "./scenarios/limits.mjs";
import messages from "./scenarios/messages.mjs";
import rooms from "./scenarios/rooms.mjs";
import signIn from "./scenarios/sign_in.mjs";

const ALL = [signIn, limits, kicks, messages, conversations, contacts, groups, rooms, applications, connection];

/// So long a scenario may take.
const PATIENCE = 30_000;

/// Returns how many failed; `tell` gets a line for each, `PASS` or `FAIL` in front. `differs` says which must fail, and why.
export async function play(harness, tell, only = "", subjects = ALL, differs = {}) {
  const scenarios = Object.assign({}, ...subjects.map((subject) => subject(harness)));
  let failed = 0;
  for (const [name, played] of Object.entries(scenarios)) {
    if (!name.includes(only)) continue;
    const scenario = name in differs ? () => harness.refused(Promise.resolve().then(played)) : played;
    try {
      let timer;
      const late = new Promise((_, no) => (timer = setTimeout(() => no(new Error("took too long")), PATIENCE)));
      await Promise.race([scenario(), late]);
      clearTimeout(timer);
      await tell(`PASS  ${name}`);
    } catch (error) {
      failed++;
      await tell(`FAIL  ${name}: ${error?.stack ?? JSON.stringify(error)}`.replaceAll("\n", " "));
    }
  }
  return failed;
}
