//! Where the records of a service are: tests of what must hold in both places run twice.

use std::path::Path;
use std::sync::Arc;

use easemob_admin_ops::documents::DocumentStore;
use easemob_admin_ops::documents::sqlite::SqliteDocuments;
use easemob_admin_ops::stores::{DataDirectory, Stores};
use easemob_admin_ops::trails::{Trails, TrailsInFiles};
use easemob_admin_store_pg::database::Database;
use easemob_admin_store_pg::documents::PgDocuments;
use easemob_admin_store_pg::locks::PgLockStores;
use easemob_admin_store_pg::logins::PgLoginStores;
use easemob_admin_store_pg::password::PasswordSource;
use easemob_admin_store_pg::runs::PgRuns;
use easemob_admin_store_pg::trail::PgTrails;
use tempfile::TempDir;

use crate::cluster::TestDatabase;

/// Runs each test with its records in files, and again with its records in a database, where there is one.
macro_rules! on_both_stores {
    ($($name:ident),+ $(,)?) => {
        mod in_files {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    super::$name(crate::records::Records::Files).await;
                }
            )+
        }

        mod in_a_database {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    if let Some(database) = crate::records::Records::in_a_database() {
                        super::$name(database).await;
                    }
                }
            )+
        }
    };
}
pub(crate) use on_both_stores;

/// Where records are.
#[derive(Clone)]
pub(crate) enum Records {
    Files,
    Database(Arc<OwnDatabase>),
}

/// A database that is removed on a thread of its own: it waits for the server, which no task may.
pub(crate) struct OwnDatabase(Option<TestDatabase>);

impl OwnDatabase {
    pub(crate) fn run(&self, sql: &str) -> Vec<String> {
        let database = self.0.as_ref().unwrap();
        std::thread::scope(|scope| scope.spawn(|| database.run(sql)).join().unwrap())
    }
}

impl Drop for OwnDatabase {
    fn drop(&mut self) {
        let database = self.0.take();
        std::thread::spawn(move || drop(database)).join().unwrap();
    }
}

impl Records {
    /// Returns nothing if there is no PostgreSQL.
    pub(crate) fn in_a_database() -> Option<Self> {
        let made = std::thread::spawn(|| {
            let database = TestDatabase::create()?;
            Database::migrate(&database.address(), &PasswordSource::Nothing).unwrap();
            Some(database)
        });
        let database = made.join().unwrap()?;
        Some(Self::Database(Arc::new(OwnDatabase(Some(database)))))
    }

    /// Returns 0 for files and 1 for a database, for tests that need something for each.
    pub(crate) fn index(&self) -> usize {
        usize::from(matches!(self, Self::Database(_)))
    }
}

/// What a service keeps on its machine, and where its records are. Another service with the same home is another process of it.
pub(crate) struct Home {
    directory: TempDir,
    pub(crate) records: Records,
}

/// The stores of one process.
pub(crate) struct Opened {
    pub(crate) stores: Stores,
    pub(crate) trails: Arc<dyn Trails>,
    pub(crate) documents: Arc<dyn DocumentStore>,
    pub(crate) in_files: bool,
}

impl Home {
    pub(crate) fn of(records: Records) -> Arc<Self> {
        let directory = TempDir::new().unwrap();
        Arc::new(Self { directory, records })
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn open(&self) -> Opened {
        match &self.records {
            Records::Files => Opened {
                stores: Stores::on_disk(self.path()),
                trails: Arc::new(TrailsInFiles::new(self.path().join("audit"))),
                documents: Arc::new(SqliteDocuments::open(&self.path().join("service.sqlite")).unwrap()),
                in_files: true,
            },
            Records::Database(own) => {
                let address = own.0.as_ref().unwrap().address();
                let database = Database::open(&address, &PasswordSource::Nothing).unwrap();
                let keys = DataDirectory::at(self.path()).keys();
                let trails = PgTrails::in_database(database.clone(), keys);
                Opened {
                    stores: Stores::new(
                        PgRuns::in_database(database.clone(), trails.clone()),
                        PgLockStores::in_database(database.clone()),
                        PgLoginStores::in_database(database.clone()),
                    ),
                    trails: Arc::new(trails),
                    documents: Arc::new(PgDocuments::in_database(database)),
                    in_files: false,
                }
            }
        }
    }

    /// From now on, nothing can be added to the audit trail.
    pub(crate) fn lose_the_trail(&self) {
        match &self.records {
            Records::Files => {
                let trail = self.path().join("audit");
                if trail.exists() {
                    std::fs::rename(&trail, self.path().join("aside")).unwrap();
                }
                std::fs::write(&trail, "not a directory").unwrap();
            }
            Records::Database(database) => {
                let full = "CREATE FUNCTION public.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                            RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full'; END $$; \
                            CREATE TRIGGER full_disk BEFORE INSERT ON easemob_admin.trail_line \
                            FOR EACH ROW EXECUTE FUNCTION public.full()";
                drop(database.run(full));
            }
        }
    }

    /// The trail can be added to again.
    pub(crate) fn give_the_trail_back(&self) {
        match &self.records {
            Records::Files => {
                let trail = self.path().join("audit");
                std::fs::remove_file(&trail).unwrap();
                let aside = self.path().join("aside");
                if aside.exists() {
                    std::fs::rename(aside, &trail).unwrap();
                }
            }
            Records::Database(database) => {
                let whole = "DROP TRIGGER full_disk ON easemob_admin.trail_line; DROP FUNCTION public.full()";
                drop(database.run(whole));
            }
        }
    }
}
