//! Ending sessions: by the device, by an operator, and as a consequence of a ban or a new password.

use super::App;
use super::ended::{Cause, Ended};
use super::live_event::LiveEvent;
use super::sign_in::SandboxDevice;
use super::users::User;

impl App {
    /// Takes off all devices that held a connection, which a sandbox that starts cannot have.
    pub(crate) fn forget_connections(&mut self) {
        for user in self.users.iter_mut() {
            user.devices.retain(|device| !device.live);
        }
    }

    /// Takes one device offline on somebody's order; `None` if it was not online.
    pub(crate) fn sign_out(&mut self, name: &str, resource: &str) -> Option<SandboxDevice> {
        let device = self.take_off(name, resource)?;
        let user = self.users.find(name)?.name.clone();
        self.ended.push(Ended {
            user,
            resource: device.resource.clone(),
            cause: Cause::Operator,
            ext: None,
        });
        Some(device)
    }

    /// Takes every device of a user offline and returns them; `None` if there is no such user.
    pub(crate) fn sign_out_all(&mut self, name: &str) -> Option<Vec<SandboxDevice>> {
        self.end_all(name, Cause::Operator)
    }

    /// Returns the users of whom a device came or went since somebody last asked.
    pub(crate) fn came_and_went(&self) -> Vec<String> {
        let happened = self.happened.iter().filter_map(|event| match event {
            LiveEvent::SignIn { user, .. } | LiveEvent::SignOut { user, .. } => Some(user.clone()),
            _ => None,
        });
        happened
            .chain(self.ended.iter().map(|ended| ended.user.clone()))
            .collect()
    }

    /// Takes a device off that leaves by itself; `None` if it was not online.
    pub(crate) fn leave(&mut self, name: &str, resource: &str) -> Option<SandboxDevice> {
        let device = self.take_off(name, resource)?;
        self.happened.push(LiveEvent::SignOut {
            user: self.users.find(name)?.name.clone(),
            resource: device.resource.clone(),
        });
        Some(device)
    }

    /// Signs a device out as its user would; `None` if it was not online. A connection that it holds is closed.
    pub(crate) fn sign_out_by_user(&mut self, name: &str, resource: &str) -> Option<SandboxDevice> {
        let device = self.leave(name, resource)?;
        self.ended.push(Ended {
            user: self.users.find(name)?.name.clone(),
            resource: device.resource.clone(),
            cause: Cause::Left,
            ext: None,
        });
        Some(device)
    }

    /// Remembers whose devices have gone since somebody last asked.
    pub(crate) fn note_departures(&mut self, now_ms: u64) {
        let left = self.happened.iter().filter_map(|event| match event {
            LiveEvent::SignOut { user, .. } => Some(user),
            _ => None,
        });
        let ended = self.ended.iter().map(|ended| &ended.user);
        let users: Vec<String> = ended.chain(left).cloned().collect();
        self.departures
            .extend(users.into_iter().map(|user| (user, now_ms)));
    }

    fn take_off(&mut self, name: &str, resource: &str) -> Option<SandboxDevice> {
        let devices = &mut self.users.find_mut(name)?.devices;
        let index = devices.iter().position(|device| device.resource == resource)?;
        Some(devices.remove(index))
    }

    fn end_all(&mut self, name: &str, cause: Cause) -> Option<Vec<SandboxDevice>> {
        let user = self.users.find_mut(name)?;
        let devices = std::mem::take(&mut user.devices);
        let user = user.name.clone();
        self.note_ended(&user, &devices, cause);
        Some(devices)
    }

    pub(super) fn note_ended(&mut self, user: &str, devices: &[SandboxDevice], cause: Cause) {
        self.ended.extend(devices.iter().map(|device| Ended {
            user: user.to_owned(),
            resource: device.resource.clone(),
            cause,
            ext: None,
        }));
    }

    /// Bans a user: every device goes, and none comes in until [`App::unban`].
    pub(crate) fn ban(&mut self, name: &str, now_ms: u64) -> Option<&User> {
        self.end_all(name, Cause::Banned)?;
        let user = self.users.find_mut(name)?;
        user.activated = false;
        user.modified_ms = now_ms;
        Some(user)
    }

    /// Lifts a ban.
    pub(crate) fn unban(&mut self, name: &str, now_ms: u64) -> Option<&User> {
        let user = self.users.find_mut(name)?;
        user.activated = true;
        user.modified_ms = now_ms;
        Some(user)
    }

    /// Sets a password: the user's tokens die and every device goes. Returns false if there is no such user.
    pub(crate) fn set_password(&mut self, name: &str, password: &str, now_ms: u64) -> bool {
        self.end_all(name, Cause::PasswordChanged);
        let Some(user) = self.users.find_mut(name) else {
            return false;
        };
        user.password = Some(password.to_owned());
        user.modified_ms = now_ms;
        let name = user.name.clone();
        self.tokens.revoke_user(&name);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::sign_in::{SignInError, SignInRequest};
    use crate::rules::tokens::{Subject, TokenError};

    fn online() -> App {
        let mut app = App::new("o#a", None);
        app.register_for_test("ann");
        for platform in ["ios", "web"] {
            app.sign_in("ann", SignInRequest::on(platform), 1).unwrap();
        }
        app
    }

    #[test]
    fn comings_and_goings_are_told_to_whoever_watches() {
        let mut app = online();
        let resource = app.users.find("ann").unwrap().devices[0].resource.clone();
        app.leave("ann", &resource);
        let told: Vec<String> = app.happened.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3);
        assert!(
            told[0].starts_with("sign-in   ann/ios_") && told[0].ends_with("(simulated)"),
            "{told:?}"
        );
        assert_eq!(told[2], format!("sign-out  ann/{resource}"));
    }

    #[test]
    fn departures_of_both_kinds_are_remembered() {
        let mut app = online();
        app.register_for_test("bob");
        app.note_departures(4);
        assert!(app.departures.is_empty(), "signing in is no departure");
        let first = app.users.find("ann").unwrap().devices[0].resource.clone();
        app.leave("ann", &first);
        app.note_departures(5);
        assert_eq!(app.departures["ann"], 5);
        app.sign_in("bob", SignInRequest::on("ios"), 6).unwrap();
        app.sign_out_all("bob");
        app.note_departures(7);
        assert_eq!(app.departures["bob"], 7);
    }

    #[test]
    fn one_device_signs_out() {
        let mut app = online();
        let resource = app.users.find("ann").unwrap().devices[0].resource.clone();
        assert!(app.sign_out("ann", &resource).is_some());
        assert!(app.sign_out("ann", &resource).is_none());
        assert_eq!(app.users.find("ann").unwrap().devices.len(), 1);
    }

    #[test]
    fn whoever_holds_the_connections_learns_why_a_session_ended() {
        use Cause::{Banned, Deleted, Operator, PasswordChanged};
        let mut app = online();
        let first = app.users.find("ann").unwrap().devices[0].resource.clone();
        app.leave("ann", &first);
        assert!(app.ended.is_empty(), "a device that leaves by itself knows why");
        app.sign_in("ann", SignInRequest::on("ios"), 2).unwrap();
        app.ban("ann", 3);
        app.unban("ann", 4);
        app.sign_in("ann", SignInRequest::on("ios"), 5).unwrap();
        app.set_password("ann", "x", 6);
        app.sign_in("ann", SignInRequest::on("ios"), 7).unwrap();
        app.sign_out_all("ann");
        app.sign_in("ann", SignInRequest::on("ios"), 8).unwrap();
        app.delete("ann");
        let causes: Vec<Cause> = app.ended.iter().map(|ended| ended.cause).collect();
        assert_eq!(causes, [Banned, Banned, PasswordChanged, Operator, Deleted]);
    }

    #[test]
    fn a_logout_is_not_a_ban() {
        let mut app = online();
        assert_eq!(app.sign_out_all("ann").unwrap().len(), 2);
        assert!(app.sign_in("ann", SignInRequest::on("ios"), 2).is_ok());
        assert!(app.sign_out_all("bob").is_none());
    }

    #[test]
    fn a_ban_lasts_until_lifted() {
        let mut app = online();
        assert!(!app.ban("ANN", 2).unwrap().activated);
        assert!(app.users.find("ann").unwrap().devices.is_empty());
        let refused = app.sign_in("ann", SignInRequest::on("ios"), 2);
        assert_eq!(refused, Err(SignInError::Banned("ann".into())));
        app.unban("ann", 3);
        assert!(app.sign_in("ann", SignInRequest::on("ios"), 3).is_ok());
    }

    #[test]
    fn a_new_password_kills_tokens_and_sessions() {
        let mut app = online();
        let token = app.tokens.issue(Subject::User("ann".into()), None, 1);
        assert!(app.set_password("ann", "another", 2));
        assert_eq!(app.tokens.check(&token, 2), Err(TokenError::Revoked));
        assert!(app.users.find("ann").unwrap().devices.is_empty());
        assert!(
            app.sign_in("ann", SignInRequest::on("ios").password("pw-ann"), 2)
                .is_err()
        );
        assert!(!app.set_password("bob", "x", 2));
    }
}
