//! Works on a watch until the process stops, another one takes over, or the watch is changed.

use std::sync::Arc;
use std::time::Duration;

use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::jobs::enforce::position::Position;
use easemob_admin_ops::jobs::enforce::watch::{Next, Watch as Decider};
use easemob_admin_ops::logins::store::{LoginStore, StoreError};
use easemob_admin_ops::run::direction::RunState;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::store::RunError;
use easemob_admin_ops::schedule::pipeline::Wish;
use easemob_admin_ops::select::selection::Selection;
use easemob_admin_remote::api::Watch;
use tokio::sync::watch;
use tokio::time::sleep;

use super::kept::note;
use super::pass::{choose, sign_out};
use crate::apps::App;
use crate::endpoints::policy;
use crate::service::Service;

/// How often to look for new sign-ins.
const LOOK: Duration = Duration::from_secs(1);

/// Why a watch has ended that was to end by itself.
const TIME_IS_OVER: &str = "its time is over";

/// How many looks are between two notes about the watch.
const LOOKS: u32 = 5;

/// Enforces the policy of a watch on whoever signs in.
pub(crate) async fn work(service: Service, watch: Watch, wish: watch::Receiver<Wish>) {
    let Some(app) = service.apps().get(&watch.app).cloned() else {
        // Another process may have the app.
        return;
    };
    let runtime = tokio::runtime::Handle::current();
    let (this, of) = (service.clone(), watch.clone());
    // What it keeps of the sign-ins belongs to one thread.
    let working = tokio::task::spawn_blocking(move || runtime.block_on(enforce(&this, &app, of, wish)));
    let trouble = match working.await {
        Ok(Ok(())) => return,
        Ok(Err(why)) => why,
        Err(error) => error.to_string(),
    };
    tracing::warn!(
        watch = watch.id,
        app = watch.app,
        why = trouble,
        "a watch is in trouble"
    );
    let noting = tokio::task::spawn_blocking(move || {
        note(&service, &watch, |watch| Watch {
            trouble: Some(trouble.clone()),
            ..watch
        })
    });
    if let Ok(Err(error)) = noting.await {
        tracing::warn!(
            error = with_causes(&error),
            "the trouble of a watch cannot be noted"
        );
    }
}

/// A watch whose position outlives this process.
struct Watching {
    decider: Decider,
    store: Box<dyn LoginStore>,
    /// The name of the position.
    name: String,
}

impl Watching {
    fn begin(service: &Service, app: &App, watch: &Watch) -> Result<Self, StoreError> {
        let mut store = service.stores().logins().of(&app.target.name())?;
        let name = format!("service/{}/{}", watch.app, watch.id);
        let (most, delay_ms) = (watch.max_logouts_per_hour, i64::from(watch.delay_seconds) * 1_000);
        let now = service.now().as_millisecond();
        let decider = match store.own_watch(&name)?.map(|kept| Position::read(&kept)) {
            None => Decider::new(most, delay_ms, now),
            Some(Ok(position)) => Decider::resume(position, most, delay_ms, now),
            // To forget a sign-in would be worse than to look at somebody again.
            Some(Err(_)) => Decider::resume(Position::beginning(), most, delay_ms, now),
        };
        let mut this = Self { decider, store, name };
        this.keep()?;
        Ok(this)
    }

    fn hear(&mut self, now: i64) -> Result<(), StoreError> {
        let unheard = self.decider.unheard(now);
        if self.decider.hear(unheard, self.store.sign_ins(unheard)?, now) {
            self.keep()?;
        }
        Ok(())
    }

    fn keep(&mut self) -> Result<(), StoreError> {
        let position = self.decider.position().text();
        self.store.set_watch_position(&self.name, &position)
    }

    fn waiting(&self) -> u64 {
        self.decider.position().waiting.len() as u64
    }
}

async fn enforce(
    service: &Service,
    app: &Arc<App>,
    mut watch: Watch,
    wish: watch::Receiver<Wish>,
) -> Result<(), String> {
    let text = |error: &StoreError| with_causes(error);
    let read = policy(&watch.policy, &watch.id).map_err(|refusal| refusal.problem().to_string())?;
    let selection = read.policy.selection();
    let mut watching = Watching::begin(service, app, &watch).map_err(|error| text(&error))?;
    let mut looks = 0;
    loop {
        sleep(LOOK).await;
        if *wish.borrow() != Wish::Run {
            return watching.keep().map_err(|error| text(&error));
        }
        let now = service.now();
        if looks % LOOKS == 0 {
            let ended = match watch.until {
                Some(until) if until <= now => Some(TIME_IS_OVER.to_owned()),
                _ => decided(service, &watch)?,
            };
            let waiting = watching.waiting();
            let noted = note(service, &watch, |watch| Watch {
                looked_at: Some(now),
                waiting,
                ended: watch.ended.clone().or_else(|| ended.clone()),
                trouble: None,
                ..watch
            });
            match noted.map_err(|error| text(&error))? {
                Some(noted) if noted.ended.is_none() => watch = noted,
                // Somebody changed, removed or stopped it.
                _ => return Ok(()),
            }
        }
        looks += 1;
        let now = now.as_millisecond();
        watching.hear(now).map_err(|error| text(&error))?;
        let Next::LookAt { users, at_most } = watching.decider.next(now) else {
            continue;
        };
        if !pass(
            service,
            app,
            &mut watch,
            &mut watching,
            (&selection, &users, at_most),
            &wish,
        )
        .await?
        {
            return Ok(());
        }
        watching.decider.looked_at();
        watching.keep().map_err(|error| text(&error))?;
    }
}

/// Returns why the watch has ended, if somebody has paused or stopped its first batch: that means the watch.
fn decided(service: &Service, watch: &Watch) -> Result<Option<String>, String> {
    let Some(first) = watch.first_run.as_deref().and_then(RunId::parse) else {
        return Ok(None);
    };
    match service.stores().runs().glance(&first) {
        Ok(listed) if matches!(listed.state, RunState::Paused | RunState::Stopped) => {
            Ok(Some(format!("somebody has {} run {first}", listed.state.word())))
        }
        // Old batches may be removed while the watch goes on.
        Ok(_) | Err(RunError::NoSuchRun(_)) => Ok(None),
        Err(error) => Err(with_causes(&error)),
    }
}

/// Looks at some users, and signs out what the policy and the cap allow. Returns false if the process stops meanwhile: the position
/// still has these users then.
async fn pass(
    service: &Service,
    app: &App,
    watch: &mut Watch,
    watching: &mut Watching,
    (selection, users, at_most): (&Selection, &[String], u64),
    wish: &watch::Receiver<Wish>,
) -> Result<bool, String> {
    let (choosing, items) = choose(app, selection, users, at_most).await;
    watching.decider.chosen(&choosing, service.now().as_millisecond());
    // What is about to be signed out counts for the next process, too.
    watching.keep().map_err(|error| with_causes(&error))?;
    if items.is_empty() {
        return Ok(true);
    }
    // Who has stopped it meanwhile has stopped this, too.
    let noted = note(service, watch, |watch| watch).map_err(|error| with_causes(&error))?;
    if noted.is_none_or(|noted| noted.ended.is_some()) {
        return Ok(false);
    }
    let run = sign_out(service, app, watch, selection.clone(), items, at_most).await;
    let run = run.map_err(|refusal| refusal.problem().to_string())?;
    let id = RunId::parse(&run).ok_or_else(|| run.clone())?;
    let noted = note(service, watch, |watch| Watch {
        first_run: watch.first_run.or_else(|| Some(run.clone())),
        last_run: Some(run.clone()),
        ..watch
    });
    if let Some(noted) = noted.map_err(|error| with_causes(&error))? {
        *watch = noted;
    }
    // The next pass reads what this one has left.
    loop {
        let listed = service
            .stores()
            .runs()
            .glance(&id)
            .map_err(|error| with_causes(&error))?;
        let is_working = listed.running || service.runner().is_working_on(&run);
        let is_given_up = matches!(listed.state, RunState::Paused | RunState::Stopped);
        if listed.counts.unfinished() == 0 || is_given_up || (!is_working && listed.ended.is_some()) {
            if listed.counts.failed_retry > 0 || listed.counts.unfinished() > 0 {
                watching
                    .decider
                    .again(users.to_vec(), service.now().as_millisecond());
            }
            return Ok(true);
        }
        if *wish.borrow() != Wish::Run {
            return Ok(false);
        }
        sleep(LOOK).await;
    }
}
