//! Whether the logout of one device ends it.

use std::time::Duration;

use easemob_admin_api::DisconnectVerb;

use super::device_lists::LOOK;
use crate::probe::calls::{Call, ProbeCalls};
use crate::probe::capabilities::LogoutVerbs;
use crate::probe::devices::Devices;
use crate::probe::throw_away::ThrowAway;
use crate::probe::{Probe, Unanswered};

/// How long a device may still be listed after its logout.
const PATIENCE: Duration = Duration::from_secs(5);

impl<C: ProbeCalls, D: Devices> Probe<'_, C, D> {
    pub(in crate::probe) async fn single_logout(&mut self) -> Result<String, Unanswered> {
        let user = self.online()?;
        let listed = self.list(&user).await?;
        if listed.is_empty() {
            return Err(Unanswered::because("no device is signed in"));
        }
        if let Some(verbs) = self.answers.logout_verbs {
            let verb = verbs.best();
            let verb = verb.ok_or_else(|| Unanswered::because("the server has no logout of one device"))?;
            self.answers.single_logout_ends = Some(self.ends(&user, &listed[0], verb).await?);
            return Ok("one logout of a device that was signed in".into());
        }
        // Nothing else could tell whether 404 was said of the device or of the method.
        let delete = self.ends(&user, &listed[0], DisconnectVerb::Delete).await?;
        let rest = self.list(&user).await?;
        let get = match rest.first() {
            Some(device) => self.ends(&user, device, DisconnectVerb::Get).await?,
            None => false,
        };
        self.answers.single_logout_ends = Some(delete || get);
        if delete || get {
            self.answers.logout_verbs = Some(LogoutVerbs { delete, get });
        }
        Ok("logouts by DELETE and by GET of devices that were signed in".into())
    }

    /// Logs out one device, and returns whether the list no longer shows it.
    async fn ends(
        &mut self,
        user: &ThrowAway,
        device: &str,
        verb: DisconnectVerb,
    ) -> Result<bool, Unanswered> {
        let call = Call::LogoutDevice {
            user: user.name.clone(),
            device: device.to_owned(),
            verb,
        };
        let answer = self.send(&call).await?;
        let end = self.clock.now()
            + if answer.is_success() {
                PATIENCE
            } else {
                Duration::ZERO
            };
        loop {
            let listed = self.list(user).await?;
            if !listed.iter().any(|other| other == device) {
                return Ok(true);
            }
            if self.clock.now() >= end {
                return Ok(false);
            }
            self.sleep(LOOK).await;
        }
    }
}
