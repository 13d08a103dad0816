//! The checks of a profile with a service.

use easemob_admin_remote::api::Scope;
use easemob_admin_words::t;

use super::Doctor;
use crate::command_error::CommandError;
use crate::context::Context;

/// Checks the service, the key, and whether the service reaches the server of the app.
pub(super) fn examine(context: &Context, doctor: &mut Doctor) -> Result<(), CommandError> {
    super::profile_file(context, doctor)?;
    let remote = match context.service() {
        Ok(Some(remote)) => remote,
        Ok(None) => return Ok(()),
        Err(error) => {
            return doctor.fail(
                "service",
                &error,
                t!("check the address of the service, and its key"),
            );
        }
    };
    let (app, service) = (&remote.app, remote.app.service());
    doctor.ok("service", t!("{} answers", service.url()))?;
    match service.whoami() {
        Ok(caller) => {
            let scopes: Vec<&str> = caller.scopes.iter().map(|scope| Scope::as_str(*scope)).collect();
            doctor.ok(
                "key",
                t!(
                    "it is the key of {}, and may: {}",
                    caller.owner,
                    scopes.join(", ")
                ),
            )?;
        }
        Err(error) => return doctor.fail("key", &error.into(), t!("ask an administrator of the service")),
    }
    let view = app.view();
    doctor.ok("target", t!("{} is {} at {}", view.name, view.app, view.app_root))?;
    match app.reach_server() {
        Ok(()) => doctor.ok("read", t!("the service can read the users of {}", view.app)),
        Err(error) => doctor.fail(
            "read",
            &error.into(),
            t!("run `profile doctor` on the machine of the service"),
        ),
    }
}
