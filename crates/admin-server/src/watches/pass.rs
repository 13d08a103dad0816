//! One pass of a watch: compares users with the policy, and makes a run of what is to be signed out.

use easemob_admin_api::UserId;
use easemob_admin_ops::jobs::enforce::choose::Choosing;
use easemob_admin_ops::operations::Options;
use easemob_admin_ops::run::item::{Item, Task};
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::journal::header::Operator;
use easemob_admin_ops::run::new::{Mandate, NewRun};
use easemob_admin_ops::select::selection::Selection;
use easemob_admin_ops::server::calls::devices_of;
use easemob_admin_ops::status_first::Reading;
use easemob_admin_remote::api::Watch;
use futures_util::{StreamExt as _, stream};

use crate::apps::App;
use crate::endpoints::begin;
use crate::problem::Refusal;
use crate::service::Service;

/// How many device lists are read at once.
const AT_ONCE: usize = 16;

/// Reads users, and returns what is to be signed out, with the items of the run.
pub(super) async fn choose<'a>(
    app: &App,
    selection: &'a Selection,
    users: &[String],
    at_most: u64,
) -> (Choosing<'a>, Vec<Item>) {
    // Names that the vendor sends are valid; what is no name is nobody.
    let named = users.iter().filter_map(|user| UserId::parse(user.as_str()).ok());
    let items = (0..)
        .zip(named)
        .map(|(number, user)| Item::new(number, number + 1, user));
    let mut read = stream::iter(items)
        .map(|item| async move {
            let task = Task::fresh(item);
            let devices = devices_of(&app.server, &task).await;
            (task.item, devices)
        })
        .buffered(AT_ONCE);
    let (mut choosing, mut chosen) = (Choosing::at_most(selection, at_most), Vec::new());
    while let Some((item, devices)) = read.next().await {
        if let Some(planned) = choosing.take(&item.user, devices) {
            chosen.push(Item {
                number: chosen.len() as u64,
                planned: Some(planned),
                ..item
            });
        }
    }
    drop(read);
    (choosing, chosen)
}

/// Makes a run of what was chosen, and begins it. Returns its id.
pub(super) async fn sign_out(
    service: &Service,
    app: &App,
    watch: &Watch,
    selection: Selection,
    items: Vec<Item>,
    at_most: u64,
) -> Result<String, Refusal> {
    let operator = Operator {
        subject: Some(watch.owner.clone()),
        ..service.account().clone()
    };
    let run = NewRun {
        action: Action::Enforce {
            policy: watch.id.clone(),
            policy_sha256: watch.policy_sha256.clone(),
            selection,
            series: watch.first_run.clone(),
        },
        mandate: Mandate {
            reason: watch.reason.clone(),
            ticket: watch.ticket.clone(),
            ..Mandate::default()
        },
        source: format!("watch {} of {}", watch.id, watch.app),
        allowance: Some(at_most),
        reading: Reading::EVERY_USER,
        id: None,
    };
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    let (this, target, by) = (service.clone(), app.target.clone(), operator.clone());
    let made = tokio::task::spawn_blocking(move || {
        let random = u32::from_ne_bytes(random);
        run.create(
            this.stores().runs(),
            &target,
            by,
            this.now(),
            random,
            items.into_iter().map(Ok),
        )
    });
    let open = made.await.map_err(|_| Refusal::stopping())??;
    let id = open.header.run.clone();
    begin(service, app, operator, open, Options::default()).await?;
    Ok(id)
}
