//! How long the status takes to follow the device list.

use std::time::Duration;

use tokio::time::Instant;

use super::batch_status::status_in;
use super::device_lists::LOOK;
use crate::probe::calls::{Call, ProbeCalls};
use crate::probe::capabilities::{BatchStatus, Lag};
use crate::probe::devices::Devices;
use crate::probe::{Probe, Unanswered};

/// How long to wait for the status.
const LONGEST: Duration = Duration::from_secs(100);

impl<C: ProbeCalls, D: Devices> Probe<'_, C, D> {
    pub(in crate::probe) async fn sign_in_lag(&mut self) -> Result<String, Unanswered> {
        let user = self.online()?;
        self.sign_in_next(&user).await?;
        let listed_at = self.clock.now();
        self.answers.sign_in_lag = Some(self.until_status(&user.name, "online", listed_at).await?);
        Ok(self.basis_of_lag("a device signed in"))
    }

    pub(in crate::probe) async fn sign_out_lag(&mut self) -> Result<String, Unanswered> {
        let user = self.online()?;
        if self.signed_in.is_empty() {
            return Err(Unanswered::because("no device was signed in"));
        }
        let end = self.clock.now() + self.devices.patience();
        self.devices.sign_out().await.map_err(Unanswered)?;
        while !self.list(&user).await?.is_empty() {
            if self.clock.now() >= end {
                return Err(Unanswered::because(
                    "the device list still shows devices that signed out",
                ));
            }
            self.sleep(LOOK).await;
        }
        let empty_at = self.clock.now();
        self.answers.sign_out_lag = Some(self.until_status(&user.name, "offline", empty_at).await?);
        Ok(self.basis_of_lag("all devices signed out"))
    }

    fn basis_of_lag(&self, what: &str) -> String {
        let call = if self.has_batch_status() {
            "statuses of many users"
        } else {
            "the status of one user"
        };
        format!("{what}; from the change of the device list to that of {call}")
    }

    fn has_batch_status(&self) -> bool {
        self.answers.batch_status.is_some() && self.answers.batch_status != Some(BatchStatus::Missing)
    }

    /// Waits until the status of a user is what it should be.
    async fn until_status(&mut self, user: &str, wanted: &str, since: Instant) -> Result<Lag, Unanswered> {
        let many = self.has_batch_status();
        loop {
            let call = if many {
                Call::Statuses(vec![user.to_owned()])
            } else {
                Call::Status(user.to_owned())
            };
            let answer = self.send(&call).await?;
            let status = if many {
                status_in(&answer, user)
            } else {
                answer.body["data"][user].as_str()
            };
            let status = status.ok_or_else(|| Unanswered::by("the call for the status", &answer))?;
            let passed = self.clock.now().saturating_duration_since(since);
            let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
            if status == wanted {
                return Ok(Lag::WithinMs(millis));
            }
            if passed >= LONGEST {
                return Ok(Lag::LongerThanMs(millis));
            }
            self.sleep(LOOK).await;
        }
    }
}
