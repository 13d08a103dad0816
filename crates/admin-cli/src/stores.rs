//! Chooses the stores for the program's records; no other module does.

use std::sync::Arc;
use std::time::Duration;

use easemob_admin_api::transport::limit::schedule::SharedBudget;
use easemob_admin_api::{AppRoot, RateLimit, Rates};
use easemob_admin_ops::locks::sqlite::LockDatabases;
use easemob_admin_ops::stores::{DataDirectory, Stores};
use easemob_admin_ops::target::Target;
use easemob_admin_ops::trails::{Trails, TrailsInFiles};
use easemob_admin_remote::client::ServiceApp;
use easemob_admin_remote::client::locks::RemoteLocks;
use easemob_admin_remote::client::logins::RemoteLogins;
use easemob_admin_remote::client::runs::RemoteRuns;
use easemob_admin_remote::client::trails::RemoteTrails;
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::config::environment::Environment;
use crate::config::places::Places;
use crate::config::store::StoreAt;
use crate::ui::Ui;

/// Where runs, trails, locks and logins are kept. Clones are the same stores.
#[derive(Clone)]
pub struct Records {
    /// Runs, locks and logins, and what writes the trails.
    pub stores: Stores,
    /// What reads the trails.
    pub trails: Arc<dyn Trails>,
    /// Whether they are files of this machine.
    pub in_files: bool,
    /// The rate budgets that machines share.
    #[cfg(feature = "postgres")]
    budget: Option<easemob_admin_store_pg::budget::PgBudget>,
    /// The trails, as whoever signs them needs them.
    #[cfg(feature = "postgres")]
    pg_trails: Option<easemob_admin_store_pg::trail::PgTrails>,
    /// What keeps heads of the trails outside the database.
    #[cfg(feature = "postgres")]
    heads: Option<crate::heads::HeadSender>,
    /// What a service keeps in the database.
    #[cfg(all(feature = "postgres", feature = "serve"))]
    documents: Option<easemob_admin_store_pg::documents::PgDocuments>,
}

/// The rate budget of an app that machines share.
pub struct TeamBudget {
    /// The budget.
    pub budget: Arc<dyn SharedBudget>,
    /// The rate of user, device and session calls of all machines together.
    pub rate: RateLimit,
}

impl Records {
    /// Keeps the heads outside the database that are not there yet, at the end of a command.
    pub fn finish(&self) {
        #[cfg(feature = "postgres")]
        if let Some(heads) = &self.heads {
            heads.finish();
        }
    }

    /// Says when a head of the trails was last kept outside the database, if that is configured.
    #[cfg(feature = "serve")]
    #[must_use]
    pub fn outside_head(&self) -> Option<easemob_admin_server::service::OutsideHead> {
        #[cfg(feature = "postgres")]
        if let Some(heads) = self.heads.clone() {
            let last = Arc::new(move || heads.last_sent());
            return Some(easemob_admin_server::service::OutsideHead(last));
        }
        None
    }

    /// Opens what a service keeps: in the database, if the records are in one, or in a file.
    ///
    /// # Errors
    /// When the file cannot be used.
    #[cfg(feature = "serve")]
    pub fn documents(
        &self,
        places: &Places,
    ) -> Result<Arc<dyn easemob_admin_ops::documents::DocumentStore>, CommandError> {
        use easemob_admin_ops::documents::sqlite::SqliteDocuments;

        #[cfg(feature = "postgres")]
        if let Some(documents) = &self.documents {
            return Ok(Arc::new(documents.clone()));
        }
        Ok(Arc::new(SqliteDocuments::open(&places.service())?))
    }

    /// Returns the trails in the database, if the records are in one.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn pg_trails(&self) -> Option<easemob_admin_store_pg::trail::PgTrails> {
        self.pg_trails.clone()
    }

    /// Returns the trails in the database, if heads of them are kept outside of it.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn trails_with_heads(&self) -> Option<easemob_admin_store_pg::trail::PgTrails> {
        self.heads.as_ref().and(self.pg_trails.clone())
    }

    /// Returns the rate budget of an app that machines share; `new` are the rates of an app that it does not know yet.
    ///
    /// # Errors
    /// When the database cannot be used.
    #[cfg(feature = "postgres")]
    pub fn team_budget(&self, app: &AppRoot, new: Rates) -> Result<Option<TeamBudget>, CommandError> {
        let Some(budget) = &self.budget else {
            return Ok(None);
        };
        budget.set_rates_of_new_pools(new);
        let rate = budget.rate(app, "accounts")?.map(RateLimit::per_second);
        Ok(Some(TeamBudget {
            budget: Arc::new(budget.clone()),
            rate: rate.unwrap_or(new.accounts),
        }))
    }

    /// Returns nothing: this program has no database.
    ///
    /// # Errors
    /// Never.
    #[cfg(not(feature = "postgres"))]
    pub fn team_budget(&self, _: &AppRoot, _: Rates) -> Result<Option<TeamBudget>, CommandError> {
        Ok(None)
    }
}

/// What opening the records needs of the command.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The environment.
    pub environment: &'a Environment,
    /// Where messages go.
    pub ui: &'a Arc<Ui>,
}

/// Opens the records: in a database, if one is configured, or else in the data directory.
///
/// `longest_request` is how long a request may take: another machine may continue a run only when none of this machine is
/// under way any more. `worker` names this process, for people.
///
/// # Errors
/// When the database cannot be used.
pub fn open(
    at: Option<&StoreAt>,
    places: &Places,
    longest_request: Duration,
    worker: Option<&str>,
    surroundings: &Surroundings<'_>,
) -> Result<Records, CommandError> {
    match at {
        None => Ok(Records {
            stores: Stores::on_disk(places.data()),
            trails: Arc::new(TrailsInFiles::new(files(places).trails())),
            in_files: true,
            #[cfg(feature = "postgres")]
            budget: None,
            #[cfg(feature = "postgres")]
            pg_trails: None,
            #[cfg(feature = "postgres")]
            heads: None,
            #[cfg(all(feature = "postgres", feature = "serve"))]
            documents: None,
        }),
        Some(at) => in_database(at, places, longest_request, worker, surroundings),
    }
}

/// Keeps the records at a service, which has them already.
///
/// # Errors
/// When the command line names another place for them.
pub fn of_service(app: ServiceApp, is_named: bool) -> Result<Records, CommandError> {
    if is_named {
        let what = t!("the records are at the service, so this takes no --store");
        return Err(CommandError::new(crate::exit::USAGE, what));
    }
    Ok(Records {
        stores: Stores::new(
            RemoteRuns::of(app.clone()),
            RemoteLocks::of(app.clone()),
            RemoteLogins::of(app.clone()),
        ),
        trails: Arc::new(RemoteTrails::of(app)),
        in_files: false,
        #[cfg(feature = "postgres")]
        budget: None,
        #[cfg(feature = "postgres")]
        pg_trails: None,
        #[cfg(feature = "postgres")]
        heads: None,
        #[cfg(all(feature = "postgres", feature = "serve"))]
        documents: None,
    })
}

#[cfg(feature = "postgres")]
fn in_database(
    at: &StoreAt,
    places: &Places,
    longest_request: Duration,
    worker: Option<&str>,
    surroundings: &Surroundings<'_>,
) -> Result<Records, CommandError> {
    use easemob_admin_store_pg::budget::PgBudget;
    use easemob_admin_store_pg::database::Database;
    use easemob_admin_store_pg::locks::PgLockStores;
    use easemob_admin_store_pg::logins::PgLoginStores;
    use easemob_admin_store_pg::runs::PgRuns;
    use easemob_admin_store_pg::trail::PgTrails;

    use crate::config::heads;
    use crate::heads::HeadSender;

    /// The time to record an answer.
    const AFTER_A_REQUEST: Duration = Duration::from_secs(15);
    let Surroundings { environment, ui } = surroundings;
    let heads = at
        .heads
        .as_deref()
        .map(|text| heads::parse(text, environment))
        .transpose();
    let heads = heads.map_err(|error| CommandError::new(crate::exit::CONFIG, error.to_string()))?;
    let heads = heads.map(|to| HeadSender::to(to, ui));
    let (address, password) = database_at(at)?;
    let database = Database::open(&address, &password)?;
    let mut trails = PgTrails::in_database(database.clone(), files(places).keys());
    if let Some(heads) = &heads {
        trails = trails.with_listener(Arc::new(heads.clone()));
    }
    let budget = PgBudget::in_database(database.clone());
    let mut runs = PgRuns::in_database(database.clone(), trails.clone()).with_budget(budget.clone());
    if let Some(name) = worker {
        runs = runs.with_name(name);
    }
    Ok(Records {
        #[cfg(feature = "serve")]
        documents: Some(easemob_admin_store_pg::documents::PgDocuments::in_database(
            database.clone(),
        )),
        stores: Stores::new(
            runs.with_lease(longest_request.saturating_add(AFTER_A_REQUEST), longest_request),
            PgLockStores::in_database(database.clone()),
            PgLoginStores::in_database(database),
        ),
        trails: Arc::new(trails.clone()),
        in_files: false,
        budget: Some(budget),
        pg_trails: Some(trails),
        heads,
    })
}

#[cfg(not(feature = "postgres"))]
fn in_database(
    _: &StoreAt,
    _: &Places,
    _: Duration,
    _: Option<&str>,
    _: &Surroundings<'_>,
) -> Result<Records, CommandError> {
    let what = t!("this program was built without the store in PostgreSQL");
    Err(CommandError::new(crate::exit::CONFIG, what).hint(t!(
        "use a release of easemob-admin, or build it with the feature `postgres`"
    )))
}

/// Reads the address of a database, and the source of its password; runs the command that prints it, if there is one.
///
/// # Errors
/// When the address cannot be used, or the command prints no password.
#[cfg(feature = "postgres")]
pub fn database_at(
    at: &StoreAt,
) -> Result<
    (
        easemob_admin_store_pg::address::DatabaseAddress,
        easemob_admin_store_pg::password::PasswordSource,
    ),
    CommandError,
> {
    use easemob_admin_store_pg::address::DatabaseAddress;
    use easemob_admin_store_pg::password::PasswordSource;

    use crate::config::credentials::from_command;
    use crate::config::store::StorePassword;

    let address = DatabaseAddress::parse(&at.address)
        .map_err(|error| CommandError::new(crate::exit::CONFIG, error.to_string()))?;
    let password = match at.password.clone() {
        StorePassword::Nothing => PasswordSource::Nothing,
        StorePassword::File(file) => PasswordSource::File(file),
        StorePassword::PassFile(file) => PasswordSource::PassFile(file),
        StorePassword::Command(command) => {
            let printed = from_command(&command).map_err(|error| {
                CommandError::new(crate::exit::CONFIG, t!("cannot get the password of the database"))
                    .because(error)
            })?;
            PasswordSource::Given(printed)
        }
    };
    Ok((address, password))
}

/// Returns the directories of the files in the data directory, for code that inspects the files themselves.
#[must_use]
pub fn files(places: &Places) -> DataDirectory {
    DataDirectory::at(places.data())
}

/// Returns true if opening the locks of a target in files imports the locks of an earlier version.
#[must_use]
pub fn imports_locks(places: &Places, target: &Target) -> bool {
    LockDatabases::below(files(places).locks()).imports(target)
}
