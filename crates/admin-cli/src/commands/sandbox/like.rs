//! Makes a sandbox behave like a server that was probed.

use std::path::Path;
use std::time::Duration;

use easemob_admin_ops::probe::capabilities::{
    Answers, BatchStatus, DeviceOrder, Lag, LastPage, LogoutAnswer, RateLimit, Refusal,
};
use easemob_admin_sandbox::{self as sandbox, Habits, Rates, SandboxBuilder};
use easemob_admin_words::t;

use crate::capability_file;
use crate::command_error::CommandError;
use crate::exit;

/// Reads the answers of a capability file.
///
/// # Errors
/// When there is no such file, or it cannot be used.
pub(super) fn load(file: &Path) -> Result<Answers, CommandError> {
    let refused = |why: String| {
        CommandError::new(
            exit::CONFIG,
            t!("cannot use the capability file {}", file.display()),
        )
        .because(why)
    };
    match capability_file::read(file) {
        Ok(Some(known)) => Ok(known.answers),
        Ok(None) => Err(refused(t!("there is no such file").into()).hint(t!(
            "make one with: easemob-admin profile doctor --probe --out FILE"
        ))),
        Err(why) => Err(refused(why)),
    }
}

/// Sets what was answered; the rest stays as documented.
pub(super) fn imitate(builder: SandboxBuilder, answers: &Answers) -> SandboxBuilder {
    let mut builder = builder.habits(habits(answers)).rates(rates(answers));
    if let Some(body) = answers.largest_body {
        builder = builder.max_body(body.refused.map_or(usize::MAX, |_| body.accepted));
    }
    if let Some(lag) = answers.sign_in_lag {
        builder = builder.status_lag(imitated(lag));
    }
    if let Some(lag) = answers.sign_out_lag {
        builder = builder.sign_out_lag(imitated(lag));
    }
    builder
}

fn imitated(lag: Lag) -> Duration {
    match lag {
        // Less than a second passes between two calls of a probe.
        Lag::WithinMs(millis) => Duration::from_secs(millis / 1_000),
        Lag::LongerThanMs(millis) => Duration::from_millis(millis.saturating_add(5_000)),
    }
}

fn habits(answers: &Answers) -> Habits {
    let mut habits = Habits::default();
    if let Some(status) = &answers.batch_status {
        habits.batch_status = match status {
            BatchStatus::Offline => sandbox::BatchStatus::Offline,
            BatchStatus::LeftOut => sandbox::BatchStatus::LeftOut,
            BatchStatus::Refused(refusal) => sandbox::BatchStatus::Refused(of(refusal)),
            BatchStatus::Missing => sandbox::BatchStatus::Missing,
        };
    }
    for (answer, habit) in [
        (&answers.logout_offline, &mut habits.logout_offline),
        (&answers.logout_unknown_user, &mut habits.logout_unknown_user),
        (&answers.logout_unknown_device, &mut habits.logout_unknown_device),
    ] {
        if let Some(answer) = answer {
            *habit = match answer {
                LogoutAnswer::Result(result) => sandbox::LogoutAnswer::Result(*result),
                LogoutAnswer::Refused(refusal) => sandbox::LogoutAnswer::Refused(of(refusal)),
            };
        }
    }
    if let Some(verbs) = answers.logout_verbs {
        (habits.logout_by_delete, habits.logout_by_get) = (verbs.delete, verbs.get);
    }
    if let Some(ends) = answers.single_logout_ends {
        habits.single_logout_ends = ends;
    }
    if let Some(order) = answers.device_order {
        habits.device_order = match order {
            DeviceOrder::OldestFirst => sandbox::DeviceOrder::OldestFirst,
            DeviceOrder::NewestFirst => sandbox::DeviceOrder::NewestFirst,
            DeviceOrder::Other => sandbox::DeviceOrder::ByName,
        };
    }
    if let Some(last) = answers.last_page {
        habits.last_page = match last {
            LastPage::NoCursor => sandbox::LastPage::NoCursor,
            LastPage::EmptyPage => sandbox::LastPage::EmptyPage,
            LastPage::Repeated => sandbox::LastPage::Repeated,
        };
    }
    if let Some(refusal) = answers.rate_limit.as_ref().and_then(|rate| rate.refusal.as_ref()) {
        habits.rate_error.clone_from(&refusal.error);
        habits.retry_after = refusal.retry_after;
    }
    habits
}

fn of(refusal: &Refusal) -> sandbox::Refusal {
    sandbox::Refusal::new(refusal.status, &refusal.error)
}

fn rates(answers: &Answers) -> Rates {
    let documented = Rates::documented();
    let Some(rate) = &answers.rate_limit else {
        return documented;
    };
    let RateLimit {
        passed,
        refusal,
        batch_status,
    } = rate;
    let limit =
        |passed: u64, limited: bool| limited.then(|| u32::try_from(passed).unwrap_or(u32::MAX).max(1));
    let users = limit(*passed, refusal.is_some());
    match batch_status {
        None => Rates { users, ..documented },
        Some(pool) => Rates {
            users,
            batch_status: limit(pool.passed, pool.limited),
            batch_status_apart: pool.own,
            ..documented
        },
    }
}
